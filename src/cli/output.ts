/** What a command says: results on stdout, the way there on stderr. With `--json` one object and nothing else. */

export interface Output {
  readonly isJson: boolean;
  /** One step on the way, in a sentence. */
  note(line: string): void;
  /** How far something is; a bar that moves on a terminal, a line every tenth elsewhere. */
  progress(label: string, done: number, total: number): void;
  /** The end of a command: `lines` for people, `value` for `--json`. */
  result(value: object, lines: readonly string[]): void;
  /** Why there is no result. */
  failure(code: string, message: string): void;
}

export interface Streams {
  readonly out: { write(text: string): unknown };
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
}

const BAR_CELLS = 30;

export function createOutput({ out, err }: Streams, isJson: boolean): Output {
  let isBarOpen = false;
  let lastTenth = -1;
  let lastLabel = '';

  function closeBar(): void {
    if (isBarOpen) err.write('\n');
    isBarOpen = false;
  }

  return Object.freeze({
    isJson,
    note(line: string) {
      if (isJson) return;
      closeBar();
      err.write(`${printable(line)}\n`);
    },
    progress(label: string, done: number, total: number) {
      if (isJson) return;
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const figures = `${formatBytes(done)} of ${formatBytes(total)}`;
      if (err.isTTY === true) {
        const filled = Math.floor(share * BAR_CELLS);
        const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)}`;
        const percent = String(Math.floor(share * 100)).padStart(3);
        err.write(`\r${label} ${bar} ${percent} % ${figures}`.padEnd((err.columns ?? 80) - 1));
        isBarOpen = share < 1;
        if (share === 1 && lastLabel !== `${label} done`) err.write('\n');
        lastLabel = share === 1 ? `${label} done` : label;
        return;
      }
      const tenth = Math.floor(share * 10);
      if (label === lastLabel && tenth === lastTenth) return;
      [lastLabel, lastTenth] = [label, tenth];
      err.write(`${label}: ${tenth * 10} % (${figures})\n`);
    },
    result(value: object, lines: readonly string[]) {
      closeBar();
      const text = isJson ? JSON.stringify(value) : lines.map(printable).join('\n');
      if (text !== '') out.write(`${text}\n`);
    },
    failure(code: string, message: string) {
      closeBar();
      if (isJson) out.write(`${JSON.stringify({ error: { code, message } })}\n`);
      err.write(`souk: ${printable(message)}\n`);
    },
  });
}

const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** What comes from a server must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(STEERING, '\ufffd');
}

/** The same JSON without a character that `printable` takes away. */
export function escaped(json: string): string {
  return json.replaceAll(STEERING, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

/** Columns under their heads, as wide as they must be. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

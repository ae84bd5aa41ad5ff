// From the rounds to what is printed; pure.
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { meetsBar, median, worst } from './statistics.mjs';

/**
 * Joins the rounds of every key.
 * @param arms {{name: string, keys: Record<string, {atLeast?: number, atMost?: number, over?: 'worst'}>}[]}
 * @param outcomes {Record<string, {rounds: {values: object, raw: object}[], unavailable?: string, broken?: string}>}
 * @returns {{key: string, value: number | null, ok: boolean | null, rounds: (number | null)[], note: string}[]}
 */
export function conclude(arms, outcomes) {
  return arms.flatMap(({ name, keys }) =>
    Object.entries(keys).map(([key, { over, ...bar }]) => {
      const outcome = outcomes[name];
      const rounds = outcome?.rounds.map(({ values }) => values[key] ?? null) ?? [];
      // An arm that broke has no value, whatever the rounds before said.
      const isWhole = outcome?.broken === undefined;
      const value = !isWhole ? null : over === 'worst' ? worst(rounds) : median(rounds);
      const note = outcome === undefined ? 'not asked for' : (outcome.broken ?? outcome.unavailable ?? '');
      return { key, ...bar, value, ok: isWhole ? meetsBar(value, bar) : false, rounds, note };
    }),
  );
}

/** The table for people. */
export function renderTable(lines) {
  const rows = lines.map(({ key, atLeast, atMost, value, ok, rounds, note }) => [
    key,
    atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`,
    number(value),
    ok === null ? '–' : ok ? 'yes' : 'NO',
    note === '' ? rounds.map(number).join(' ') : note.split('\n')[0],
  ]);
  const table = [['key', 'bar', 'value', 'ok', 'rounds'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The raw figures for people: one line for each measured load. */
export function renderRaw(outcomes) {
  return Object.entries(outcomes)
    .flatMap(([name, { facts, rounds }]) => [
      `${name}: ${JSON.stringify(facts)}`,
      ...rounds.flatMap(({ raw }, round) =>
        // What was measured in turns is a list.
        Object.entries(raw).flatMap(([part, figures]) =>
          [figures].flat().map((one) => `${name} ${round + 1} ${part}: ${describe(one)}`),
        ),
      ),
    ])
    .join('\n');
}

function describe(figures) {
  if (typeof figures !== 'object') return number(figures);
  // No load, but figures of its own.
  if (!('latencyMs' in figures) && !('p50' in figures)) return JSON.stringify(figures);
  const { perSecond, latencyMs = figures, cpuSeconds, refused, errors, meanBatchSize } = figures;
  const cpu =
    typeof cpuSeconds === 'object'
      ? `cpu s server ${number(cpuSeconds.server)} database ${number(cpuSeconds.database)} generator ${number(cpuSeconds.generator)}`
      : cpuSeconds === undefined
        ? ''
        : `cpu s ${number(cpuSeconds)}`;
  const counts = (title, table) =>
    Object.entries(table ?? {}).map(([code, count]) => `${title} ${code} ${count}`);
  return [
    perSecond === undefined ? '' : `${number(perSecond)}/s`,
    `p50 ${number(latencyMs.p50)} p90 ${number(latencyMs.p90)} p99 ${number(latencyMs.p99)} ms`,
    meanBatchSize === undefined ? '' : `${number(meanBatchSize)} to a run`,
    cpu,
    ...counts('refused', refused),
    ...counts('error', errors),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function number(value) {
  if (value === null) return '–';
  if (!Number.isFinite(value)) return '∞';
  return String(Number(value.toPrecision(4)));
}

/** What the figures were measured on. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
  };
}

/** The one object of `--json`: the keys of the table, then everything else. */
export function toJson(lines, outcomes, options) {
  return {
    ...Object.fromEntries(lines.map(({ key, value }) => [key, value])),
    bars: Object.fromEntries(lines.map(({ key, ...line }) => [key, line])),
    raw: outcomes,
    machine: machine(),
    options,
  };
}

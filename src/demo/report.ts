import type { StoryResult } from './story.js';

/** The table at the end of the story. */
export function renderReport(result: StoryResult): string {
  const rows = result.versions.map((version) => [
    version.model,
    String(version.version),
    version.format,
    version.runtime,
    version.accuracy === null ? '–' : `${(version.accuracy * 100).toFixed(1)} %`,
    version.sha256.slice(0, 12),
  ]);
  const header = ['model', 'version', 'format', 'engine', 'accuracy', 'sha256'];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('   ')}\n`;
  const { quota, latencyMs, evaluation } = result;
  const { comparison } = evaluation;
  return [
    '\n',
    line(header),
    line(widths.map((width) => '─'.repeat(width))),
    ...rows.map(line),
    '\n',
    `  Macro F1 on ${evaluation.dataset.rows} held-out pictures               ${evaluation.versions.map(({ macroF1 }) => macroF1.toFixed(3)).join(', ')}\n`,
    `  Only version 1 right, only version 2, p           ${comparison.onlyA}, ${comparison.onlyB}, ${comparison.mcNemarPValue.toPrecision(2)}\n`,
    `  Largest difference from Python's probabilities   ${result.maxAbsDiff.toExponential(1)}\n`,
    `  One prediction over HTTP, metered (p50, p99)     ${latencyMs.p50.toFixed(1)} ms, ${latencyMs.p99.toFixed(1)} ms\n`,
    `  Quota of the key                                 ${quota.used} of ${quota.limit} used, the next one refused\n`,
    `  Ledger, usage report, quota                      ${quota.ledger}, ${quota.usage}, ${quota.used}\n`,
    `  Resets at                                        ${quota.resetsAt ?? 'unknown'}\n`,
    '\n',
    result.ok ? '  Everything agrees.\n' : '  Something does not agree: see above.\n',
  ].join('');
}

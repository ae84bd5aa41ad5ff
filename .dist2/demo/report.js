function renderReport(result) {
  const rows = result.versions.map((version) => [
    version.model,
    String(version.version),
    version.format,
    version.runtime,
    version.accuracy === null ? "\u2013" : `${(version.accuracy * 100).toFixed(1)} %`,
    version.sha256.slice(0, 12)
  ]);
  const header = ["model", "version", "format", "engine", "accuracy", "sha256"];
  const widths = header.map(
    (title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells) => `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("   ")}
`;
  const { quota, latencyMs } = result;
  return [
    "\n",
    line(header),
    line(widths.map((width) => "\u2500".repeat(width))),
    ...rows.map(line),
    "\n",
    `  Largest difference from Python's probabilities   ${result.maxAbsDiff.toExponential(1)}
`,
    `  One prediction over HTTP, metered (p50, p99)     ${latencyMs.p50.toFixed(1)} ms, ${latencyMs.p99.toFixed(1)} ms
`,
    `  Quota of the key                                 ${quota.used} of ${quota.limit} used, the next one refused
`,
    `  Ledger, usage report, quota                      ${quota.ledger}, ${quota.usage}, ${quota.used}
`,
    `  Resets at                                        ${quota.resetsAt ?? "unknown"}
`,
    "\n",
    result.ok ? "  Everything agrees.\n" : "  Something does not agree: see above.\n"
  ].join("");
}
export {
  renderReport
};
//# sourceMappingURL=report.js.map

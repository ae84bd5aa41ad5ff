// A reading as text for a terminal: pure, no colours, no line longer than the width.

const MEBIBYTE = 1024 * 1024;
const NOTHING = '-';
// Whatever a model's engine said of itself must not steer the terminal.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** @param width columns of the terminal @returns lines, without an end of line */
export function renderReading(reading, width) {
  const { pool, rates, latency } = reading;
  const { counters } = pool;
  const refused = counters.refused.filter(({ count }) => count > 0);
  const lines = [
    `Souk ${reading.version}  ${reading.url}  ${reading.at}`,
    `answered ${rate(rates?.answered)}  runs ${rate(rates?.batches)}  p50 ${ms(latency?.p50Ms)}  p99 ${ms(latency?.p99Ms)}` +
      `  queued ${pool.queued}/${pool.queueLimit}  in flight ${pool.inFlight}`,
    `since start: answered ${counters.answered}  runs ${counters.batches}  joined ${counters.joined}  loads ${counters.loads}` +
      `  evictions ${counters.evictions}  retries ${counters.retries}  crashes ${counters.crashes}  overruns ${counters.overruns}`,
    `refused: ${refused.length === 0 ? 'none' : refused.map(({ code, count }) => `${code} ${count}`).join('  ')}`,
    `isolation: ${wallsOf(reading)}`,
    '',
    ...table(
      ['WORKER', 'STATE', 'BUSY', 'RUNS', 'REPLACED', 'MODELS', 'MEMORY', 'RUNNING'],
      pool.workers.map((worker) => [
        worker.name,
        worker.state,
        rates === null ? NOTHING : `${Math.round((rates.busy[worker.name] ?? 0) * 100)}%`,
        String(worker.runs),
        String(worker.replaced),
        String(worker.residentModels),
        `${mebibytes(worker.residentBytes)}/${mebibytes(pool.memoryBudgetBytesPerWorker)}`,
        worker.running.join(' ') || NOTHING,
      ]),
    ),
    '',
    ...table(
      ['QUEUE OF', 'WAITING', 'BYTES', 'OLDEST'],
      pool.queues.map(({ tenant, queued, bytes, oldestMs }) => [
        tenant?.slug ?? '(gone)',
        String(queued),
        mebibytes(bytes),
        ms(oldestMs),
      ]),
      'Nobody waits.',
    ),
    '',
    ...table(
      ['MODEL', 'ENGINE', 'MEMORY', 'IDLE', 'WORKER'],
      pool.workers.flatMap(({ name, residents }) =>
        residents.map((model) => [
          namesOf(model),
          model.runtime,
          mebibytes(model.bytes),
          ms(model.idleMs),
          name,
        ]),
      ),
      'No model is in memory.',
    ),
  ];
  if (pool.quarantined.length > 0) {
    lines.push(
      '',
      ...table(
        ['QUARANTINED', 'CRASHES', 'UNTIL', 'REASON'],
        pool.quarantined.map((model) => [
          namesOf(model),
          String(model.quarantine.crashes),
          model.quarantine.until,
          model.quarantine.reason,
        ]),
      ),
    );
  }
  return lines.map((line) => clip(line.replaceAll(CONTROL, ' ').trimEnd(), width));
}

function wallsOf({ isolation, walls, threadsPerWorker }) {
  const { ownMemory, networkCutOff, environmentHidden, memoryLimitBytes } = walls;
  const standing = [
    ...(ownMemory ? ['memory of its own'] : []),
    ...(memoryLimitBytes === null ? [] : [`at most ${mebibytes(memoryLimitBytes)}`]),
    ...(networkCutOff ? ['no network'] : []),
    ...(environmentHidden ? ['no environment'] : []),
  ];
  return `${isolation.toLowerCase()}${standing.length === 0 ? '' : ` (${standing.join(', ')})`}, native threads for each worker: ${threadsPerWorker}`;
}

function namesOf({ versions, packSha256 }) {
  return versions.length === 0 ? packSha256.slice(0, 12) : versions.join(' ');
}

/** Columns as wide as their widest cell; what is empty says so. */
function table(head, rows, whenEmpty = 'None.') {
  if (rows.length === 0) return [head.join('  '), whenEmpty];
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  return [head, ...rows].map((row) => row.map((cell, at) => cell.padEnd(widths[at])).join('  '));
}

function clip(line, width) {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

function rate(perSecond) {
  return perSecond === null || perSecond === undefined ? NOTHING : `${perSecond.toFixed(1)}/s`;
}

function ms(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value >= 60_000) return `${Math.floor(value / 60_000)} min`;
  if (value >= 1_000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(2)} ms`;
}

function mebibytes(bytes) {
  return `${(bytes / MEBIBYTE).toFixed(bytes >= 10 * MEBIBYTE ? 0 : 1)} MiB`;
}

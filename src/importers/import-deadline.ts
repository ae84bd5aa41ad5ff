/**
 * How long an import may take. A stranger's small file gets its verdict within the time that was asked for, whatever
 * it does; only bytes that are really there earn more, because reading and loading them honestly takes as long.
 */
const MIB = 1024 * 1024;

/** Up to here a file earns nothing: it is read within seconds. */
const FREE_ARTIFACT_BYTES = 256 * MIB;
const READ_BYTES_PER_MS = (64 * MIB) / 1000;
/** Of weights that passed the readers and lie in the job's directory; engines copy and pack them at load. */
const FREE_WEIGHT_BYTES = 16 * MIB;
const LOAD_BYTES_PER_MS = (8 * MIB) / 1000;

/**
 * @param timeoutMs for a small file
 * @param weightBytes once the trial begins; 0 before
 */
export function importDeadlineMs(timeoutMs: number, artifactBytes: number, weightBytes: number): number {
  const reading = Math.max(0, artifactBytes - FREE_ARTIFACT_BYTES) / READ_BYTES_PER_MS;
  const loading = Math.max(0, weightBytes - FREE_WEIGHT_BYTES) / LOAD_BYTES_PER_MS;
  return Math.ceil(timeoutMs + reading + loading);
}

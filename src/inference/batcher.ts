/**
 * Joining requests into one run and cutting its answer apart again. Pure: who joins is decided from the queue as it
 * stands, by an idle worker; nobody waits for company.
 */
import { bytesPerElement, hasBatchDimension, type Tensor } from '../lib/tensor.js';
import type { FairEntry, FairQueue } from './fairness.js';
import type { WireTensor } from './messages.js';
import { concatOnBatchAxis, copiedBuffer, splitOnBatchAxis } from './tensors.js';
import type { InferenceJob } from './types.js';

/**
 * Requests of one group may share a run: the same version, the same datatypes, the same dimensions but the first.
 * `null`: this request runs alone.
 */
export function joinGroupOf(job: InferenceJob, program: string, maxRows: number): string | null {
  const { artifact, signature, inputs, rows } = job;
  if (!artifact.batchable || rows >= maxRows || inputs.length === 0) return null;
  if (!hasBatchDimension(signature)) return null;
  // Datatypes and dimensions may be equal while the signatures are not.
  let group = program;
  for (const { datatype, shape } of inputs) {
    if (shape[0] !== rows) return null;
    group += `|${datatype}`;
    for (let axis = 1; axis < shape.length; axis++) group += `,${shape[axis]}`;
  }
  return group;
}

export interface Joinable extends FairEntry {
  readonly rows: number;
  /** False for a request that must run alone. */
  readonly joins: boolean;
}

export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Marginal compute time of a row, which those who join are charged at first. */
  readonly msPerRow: number;
  /** How many rows a run may have with a crowd in it, that would have so many without. */
  readonly rowsWithCrowd: (rows: number) => number;
}

/**
 * Fills up a run that has its first request, by fair turn: each further place goes to the key of this group that has
 * had least. Everyone whom it takes is out of the queue.
 *
 * A crowd is a key of which more waits than one run takes. What one run has of it does not change when its last request is
 * answered, while a key that waits for this run alone feels each row: a crowd fills such runs only as far as they
 * become little longer by it.
 */
export function fillBatch<T extends Joinable>(
  queue: Pick<FairQueue<T>, 'nextOf' | 'join' | 'waitingBeside'>,
  first: T,
  limits: BatchLimits,
): T[] {
  const batch = [first];
  if (!first.joins) return batch;
  let { rows, bytes } = first;
  // A crowd stays one while it is taken from.
  const crowds = new Set<string>();
  const isOfCrowd = (entry: T): boolean => {
    if (crowds.has(entry.fairnessKey)) return true;
    if (queue.waitingBeside(entry) <= limits.maxRows) return false;
    crowds.add(entry.fairnessKey);
    return true;
  };
  const isLedByCrowd = isOfCrowd(first);
  let rowsOfOthers = first.rows;
  const fits = (entry: T): boolean => {
    const together = rows + entry.rows;
    if (together > limits.maxRows || bytes + entry.bytes > limits.maxBytes) return false;
    return isLedByCrowd || together <= limits.rowsWithCrowd(rowsOfOthers) || !isOfCrowd(entry);
  };
  while (rows < limits.maxRows) {
    const entry = queue.nextOf(first.group, fits);
    if (entry === null) break;
    if (!isLedByCrowd && !isOfCrowd(entry)) rowsOfOthers += entry.rows;
    queue.join(entry, entry.rows * limits.msPerRow);
    batch.push(entry);
    rows += entry.rows;
    bytes += entry.bytes;
  }
  return batch;
}

/**
 * The inputs of one run, in buffers of their own: the callers' stay theirs, for a second try as well.
 * @throws RangeError when the requests are not of one group
 */
export function joinInputs(jobs: readonly Pick<InferenceJob, 'inputs'>[]): WireTensor[] {
  const [first] = jobs;
  if (first === undefined) return [];
  if (jobs.length === 1) return first.inputs.map((input) => ({ ...input, data: copiedBuffer(input.data) }));
  return first.inputs.map((_, at) => {
    const joined = concatOnBatchAxis(jobs.map(({ inputs }) => inputs[at] as Tensor));
    return { ...joined, data: joined.data.buffer as ArrayBuffer };
  });
}

/**
 * Everyone's rows of a joined answer, in the order of the requests; views, no copies. `null` when an output does not
 * have one row for each row that went in: such a version cannot be joined.
 */
export function splitOutputs(outputs: readonly Tensor[], rowsEach: readonly number[]): Tensor[][] | null {
  const rows = rowsEach.reduce((sum, part) => sum + part, 0);
  if (outputs.some((output) => output.shape[0] !== rows || !isWhole(output))) return null;
  let parts: Tensor[][];
  try {
    parts = outputs.map((output) => splitOnBatchAxis(output, rowsEach));
  } catch (error) {
    // BYTES that end early: the engine's fault, and no reason to fail more than the request that it concerns.
    if (error instanceof RangeError) return null;
    throw error;
  }
  return rowsEach.map((_, request) => parts.map((part) => part[request] as Tensor));
}

function isWhole({ datatype, shape, data }: Tensor): boolean {
  const width = bytesPerElement(datatype);
  return width === null || shape.reduce((product, size) => product * size, width) === data.byteLength;
}

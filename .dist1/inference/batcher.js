import { bytesPerElement, hasBatchDimension } from "../lib/tensor.js";
import { concatOnBatchAxis, copiedBuffer, splitOnBatchAxis } from "./tensors.js";
function joinGroupOf(job, version, maxRows) {
  const { artifact, signature, inputs, rows } = job;
  if (!artifact.batchable || rows >= maxRows || inputs.length === 0) return null;
  if (!hasBatchDimension(signature)) return null;
  let group = version;
  for (const { datatype, shape } of inputs) {
    if (shape[0] !== rows) return null;
    group += `|${datatype}`;
    for (let axis = 1; axis < shape.length; axis++) group += `,${shape[axis]}`;
  }
  return group;
}
function fillBatch(queue, first, limits) {
  const batch = [first];
  if (!first.joins) return batch;
  let { rows, bytes } = first;
  const fits = (entry) => rows + entry.rows <= limits.maxRows && bytes + entry.bytes <= limits.maxBytes;
  while (rows < limits.maxRows) {
    const entry = queue.nextOf(first.group, fits);
    if (entry === null) break;
    queue.join(entry, entry.rows * limits.msPerRow);
    batch.push(entry);
    rows += entry.rows;
    bytes += entry.bytes;
  }
  return batch;
}
function joinInputs(jobs) {
  const [first] = jobs;
  if (first === void 0) return [];
  if (jobs.length === 1) return first.inputs.map((input) => ({ ...input, data: copiedBuffer(input.data) }));
  return first.inputs.map((_, at) => {
    const joined = concatOnBatchAxis(jobs.map(({ inputs }) => inputs[at]));
    return { ...joined, data: joined.data.buffer };
  });
}
function splitOutputs(outputs, rowsEach) {
  const rows = rowsEach.reduce((sum, part) => sum + part, 0);
  if (outputs.some((output) => output.shape[0] !== rows || !isWhole(output))) return null;
  let parts;
  try {
    parts = outputs.map((output) => splitOnBatchAxis(output, rowsEach));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return rowsEach.map((_, request) => parts.map((part) => part[request]));
}
function isWhole({ datatype, shape, data }) {
  const width = bytesPerElement(datatype);
  return width === null || shape.reduce((product, size) => product * size, width) === data.byteLength;
}
export {
  fillBatch,
  joinGroupOf,
  joinInputs,
  splitOutputs
};
//# sourceMappingURL=batcher.js.map

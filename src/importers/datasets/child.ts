/** The throw-away child that reads one dataset: empty environment, empty directory, where possible no network. */
import type { DatasetChildMessage, DatasetChildRequest } from './messages.js';
import { readDataset } from './read-dataset.js';

// A parent that is gone has no use for an answer.
process.on('disconnect', () => process.exit(1));
process.once('message', (request: DatasetChildRequest) => void answer(request));

async function answer(request: DatasetChildRequest): Promise<void> {
  const result = await readDataset(request);
  const message: DatasetChildMessage = result.ok
    ? {
        type: 'done',
        report: {
          ...result.value,
          columns: result.value.columns.map((column) => ({ ...column, shape: [...column.shape] })),
          classes: result.value.classes === null ? null : [...result.value.classes],
          findings: [...result.value.findings],
        },
      }
    : { type: 'refused', ...result.error };
  process.send?.(message, () => process.exit(0));
}

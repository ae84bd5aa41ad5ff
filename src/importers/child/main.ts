/**
 * The throw-away child: one import, then the end. It is started with an empty environment, in an empty
 * directory, where possible without a network; its parent holds the clock and the memory limit.
 */
import type { ImportProgress } from '../types.js';
import { importArtifact } from './import-artifact.js';
import type { ChildFacts, ChildMessage, ChildRequest } from './messages.js';

/** Progress is for people: more than this per second only costs. */
const PROGRESS_INTERVAL_MS = 100;

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else
      process.send(message, () => {
        resolve();
      });
  });
}

// A parent that is gone has no use for an answer.
process.on('disconnect', () => process.exit(1));

process.once('message', (request: ChildRequest) => {
  void answer(request);
});

async function answer(request: ChildRequest): Promise<void> {
  let phase = '';
  let sentAt = 0;
  const onProgress = (progress: ImportProgress): void => {
    const now = performance.now();
    if (progress.phase === phase && now - sentAt < PROGRESS_INTERVAL_MS) return;
    phase = progress.phase;
    sentAt = now;
    void send({ type: 'progress', ...progress });
  };
  const onFacts = (facts: ChildFacts): void => void send({ type: 'facts', facts });
  const result = await importArtifact(request, onProgress, onFacts);
  if (result.ok) await send({ type: 'done', report: result.value });
  else {
    const { code, message, subject } = result.error;
    await send({ type: 'refused', code, message, subject });
  }
  process.exit(0);
}

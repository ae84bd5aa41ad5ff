// A publication that takes the server down each time it is begun.
import { importChildren, signalAll } from './processes.mjs';
import { until } from './steps.mjs';

/** Kills the server while it runs the publication for the nth time. Answers when it was back. */
export async function killInTheMiddle(stage, publicationId, attempt) {
  await until(async () => {
    signalAll(importChildren(stage.pid), 'SIGSTOP');
    const row = await stage.database.publication(publicationId);
    if (row.finished_at !== null) throw new Error(`It ended in attempt ${row.attempts}: ${row.status}.`);
    return row.attempts === attempt && row.status === 'RUNNING';
  }, `attempt ${attempt}`);
  return stage.killAndRestart();
}

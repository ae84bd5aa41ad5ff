/** The refusals that this machine can give. Messages go to callers: they name no path and no tenant. */
import type { InferenceRefusal, RuntimeName } from './types.js';

export function overloaded(retryAfterMs: number, full: 'queue' | 'key'): InferenceRefusal {
  const whose = full === 'queue' ? 'The queue of predictions' : 'Your queue of predictions';
  return {
    code: 'OVERLOADED',
    message: `${whose} is full; there should be room in about ${retryAfterMs} ms.`,
    retryAfterMs,
  };
}

export function stopping(retryAfterMs: number): InferenceRefusal {
  return {
    code: 'OVERLOADED',
    message: 'The inference pool is stopping and takes no new work.',
    retryAfterMs,
  };
}

export function deadlineExceeded(timeoutMs: number, where: 'queued' | 'running'): InferenceRefusal {
  const state = where === 'queued' ? 'It was still waiting for a worker' : 'It was still running';
  return {
    code: 'DEADLINE_EXCEEDED',
    message: `The prediction did not finish within ${timeoutMs} ms. ${state}.`,
  };
}

export function cancelled(): InferenceRefusal {
  return { code: 'CANCELLED', message: 'The prediction was cancelled by its caller.' };
}

export function workerLost(reason: string): InferenceRefusal {
  return { code: 'WORKER_LOST', message: `The worker that ran the prediction was lost: ${reason}.` };
}

export function loadFailed(message: string): InferenceRefusal {
  return { code: 'LOAD_FAILED', message };
}

export function runtimeUnavailable(runtime: RuntimeName, reason: string): InferenceRefusal {
  return {
    code: 'LOAD_FAILED',
    message: `The model needs the ${runtime} engine, which is not available here: ${reason}`,
  };
}

export function quarantined(crashes: number, untilMs: number, reason: string): InferenceRefusal {
  const until = new Date(untilMs).toISOString();
  return {
    code: 'LOAD_FAILED',
    message: `The model is set aside until ${until}: workers crashed ${crashes} times while running it, last because ${reason}.`,
  };
}

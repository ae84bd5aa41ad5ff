import type { Readable } from 'node:stream';

const MAX_LOGGED_CHARACTERS = 2000;

/** A worker's output, one log entry per chunk: enough to find a cause, and nothing to buffer without bound. */
export function logLines(stream: Readable, log: (text: string) => void): void {
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const text = chunk.trim();
    if (text !== '') log(text.slice(0, MAX_LOGGED_CHARACTERS));
  });
}

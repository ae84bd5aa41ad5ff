/** Sends a file by tus, and goes on where it was after a cut, or after this program itself was killed. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Upload, type DetailedError, type UploadOptions } from 'tus-js-client';
import { refused, type Api, type ApiError } from './api.js';
import { EXIT, Failure, interrupted } from './failure.js';
import type { ModelFile } from './model-file.js';
import { formatBytes, type Output } from './output.js';

export interface SentFile {
  readonly uploadId: string;
  /** Bytes that were there already when this began. */
  readonly resumedAt: number;
  /** Forgets where the upload is: it has been published. */
  forget(): Promise<void>;
}

/** Pauses between attempts; progress begins the list anew. Five minutes in all. */
const RETRY_DELAYS_MS = [100, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 60_000, 120_000];

/** @param stateDirectory where the URL of an unfinished upload is remembered */
export async function sendFile(
  api: Api,
  file: ModelFile,
  stateDirectory: string,
  output: Output,
  signal: AbortSignal,
): Promise<SentFile> {
  const memory = createMemory(stateDirectory, `${api.url} ${file.sha256}`);
  const known = await memory.read();
  let resumedAt = 0;
  let isFirst = true;

  const uploadId = await new Promise<string>((resolve, reject) => {
    const options: UploadOptions = {
      endpoint: `${api.url}/uploads`,
      headers: { ...api.headers },
      metadata: { sha256: file.sha256 },
      uploadSize: file.bytes,
      retryDelays: RETRY_DELAYS_MS,
      ...(known === null ? {} : { uploadUrl: known }),
      onUploadUrlAvailable: () => {
        if (upload.url !== null) void memory.write(upload.url).catch(() => undefined);
      },
      onProgress: (sent) => {
        if (isFirst && known !== null && sent > 0) {
          resumedAt = sent;
          output.note(`Going on at ${formatBytes(sent)}, where an earlier try ended.`);
        }
        isFirst = false;
        output.progress('Sending', sent, file.bytes);
      },
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        const mayPass = status < 400 || status >= 500 || [409, 423].includes(status);
        if (mayPass) output.note('The connection was lost, or the server is busy; trying again.');
        return mayPass && !signal.aborted;
      },
      onError: (error) => reject(signal.aborted ? interrupted() : failureOf(error, api.url)),
      onSuccess: () => resolve(idOf(upload.url)),
    };
    // The client opens the file behind the stream by its path, as often as it must.
    const upload = new Upload(createReadStream(file.path), options);
    signal.addEventListener('abort', () => {
      void upload.abort().catch(() => undefined);
      reject(interrupted());
    });
    upload.start();
  });
  return { uploadId, resumedAt, forget: () => memory.forget() };
}

function idOf(url: string | null): string {
  return url?.split('/').at(-1) ?? '';
}

function failureOf(error: Error, url: string): Failure {
  const body = (error as Partial<DetailedError>).originalResponse?.getBody() ?? '';
  try {
    const { error: refusal } = JSON.parse(body) as { readonly error: ApiError };
    return refused(refusal);
  } catch {
    const message = `The file could not be sent to ${url}: the connection broke again and again. Run the command again to go on.`;
    return new Failure(message, EXIT.unreachable, 'UNREACHABLE');
  }
}

/** One small file for each unfinished upload, named by what is sent where. */
function createMemory(directory: string, key: string) {
  const file = join(directory, `${createHash('sha256').update(key).digest('hex')}.json`);
  return {
    async read(): Promise<string | null> {
      const text = await readFile(file, 'utf8').catch(() => null);
      if (text === null) return null;
      try {
        return (JSON.parse(text) as { readonly url: string }).url;
      } catch {
        return null;
      }
    },
    async write(url: string): Promise<void> {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFile(file, `${JSON.stringify({ url })}\n`, { mode: 0o600 });
    },
    forget: () => rm(file, { force: true }),
  };
}

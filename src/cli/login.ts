/** `souk login`: asks for an API key without showing it, tries it, and keeps it. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { createApi } from './api.js';
import { checkUrl, saveCredentials, type Environment } from './credentials.js';
import { EXIT, Failure, interrupted } from './failure.js';
import type { Output } from './output.js';

interface Viewer {
  readonly viewer: {
    readonly tenant: { readonly slug: string } | null;
    readonly apiKey: { readonly name: string } | null;
  };
}

export async function login(
  environment: Environment,
  url: string,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const server = checkUrl(url);
  const apiKey = (await readSecret(signal)).trim();
  if (apiKey === '') throw new Failure('No API key was given.', EXIT.usage, 'INVALID_INPUT');
  const { viewer } = await createApi({ url: server, apiKey }, signal).ask<Viewer>(
    '{ viewer { tenant { slug } apiKey { name } } }',
  );
  const file = await saveCredentials(environment, { url: server, apiKey });
  const tenant = viewer.tenant?.slug ?? null;
  output.result({ url: server, tenant, apiKey: viewer.apiKey?.name ?? null, file }, [
    `Signed in to ${server} for ${tenant ?? 'no tenant'}; the key is kept in ${file}, which only you can read.`,
  ]);
}

/** From the terminal without an echo, or the first line of what is piped in. */
async function readSecret(signal: AbortSignal): Promise<string> {
  const isTerminal = process.stdin.isTTY;
  if (isTerminal) process.stderr.write('API key (it is not shown): ');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: isTerminal });
  try {
    // With `terminal`, Ctrl-C comes here and not as a signal.
    const line = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
      lines.once('SIGINT', () => reject(interrupted()));
      signal.addEventListener('abort', () => reject(interrupted()), { once: true });
    });
    return line;
  } finally {
    lines.close();
    if (isTerminal) process.stderr.write('\n');
  }
}

/**
 * Which server, and with which key: `SOUK_URL` and `SOUK_API_KEY`, or what `souk login` keeps in a file that only
 * its owner can read. A key never stands on the command line, where every process of the machine can see it.
 */
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EXIT, Failure } from './failure.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Credentials {
  /** Without a slash at the end. */
  readonly url: string;
  readonly apiKey: string;
}

const DEFAULT_URL = 'http://127.0.0.1:4000';

/** Where this program keeps its own files. */
export function configDirectory(environment: Environment): string {
  return join(environment['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'souk');
}

function credentialsFile(environment: Environment): string {
  return join(configDirectory(environment), 'credentials.json');
}

/** @throws Failure when there is no key, or its file can be read by others */
export async function readCredentials(environment: Environment): Promise<Credentials> {
  const saved = environment['SOUK_API_KEY'] ? null : await readSaved(credentialsFile(environment));
  const apiKey = environment['SOUK_API_KEY'] || saved?.apiKey;
  if (!apiKey) {
    throw new Failure(
      'There is no API key: run `souk login`, or set SOUK_API_KEY (and SOUK_URL).',
      EXIT.unauthenticated,
      'UNAUTHENTICATED',
    );
  }
  return { url: checkUrl(environment['SOUK_URL'] || saved?.url || DEFAULT_URL), apiKey };
}

async function readSaved(file: string): Promise<Partial<Credentials> | null> {
  const found = await stat(file).catch(() => null);
  if (found === null) return null;
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new Failure(`Others can read ${file}, which holds an API key: run \`chmod 600\` on it.`);
  }
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Partial<Credentials>;
  } catch {
    throw new Failure(`${file} cannot be read; run \`souk login\` to write it anew.`);
  }
}

/** Answers the file that it wrote, which nobody else can read. */
export async function saveCredentials(environment: Environment, credentials: Credentials): Promise<string> {
  const directory = configDirectory(environment);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = credentialsFile(environment);
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, file);
  return file;
}

/** @throws Failure when it is no URL of a server, or holds a password */
export function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new Failure(
      `The server must be a URL such as https://souk.example.com; found ${text}.`,
      EXIT.usage,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new Failure('The URL of the server must not hold a password.', EXIT.usage);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** The folder that is Souk's own: the secret and the first owner's credentials live here, readable by nobody else. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './start-error.js';

const SECRET_FILE = 'jwt.secret';
const BOOTSTRAP_FILE = 'bootstrap.json';

/** What the first start tells the operator; a script reads it from `bootstrap.json`. */
export interface BootstrapFile {
  readonly url: string;
  readonly email: string;
  readonly password: string;
  /** Slug of the operator's tenant. */
  readonly tenant: string;
  readonly apiKey: string;
}

/** Makes the folder. @throws StartError when it cannot be written */
export async function prepareDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const probe = join(directory, `.write-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(
      `The data directory ${directory} cannot be written (${code}); set DATA_DIR to a folder that this account owns.`,
    );
  }
}

/** The secret of this installation; made on the first start. Of two starts at once, both get the same. */
export async function readOrMakeSecret(directory: string): Promise<string> {
  const file = join(directory, SECRET_FILE);
  const present = await readFile(file, 'utf8').catch(() => null);
  if (present !== null) return present.trim();
  const draft = draftOf(file);
  await writeDurably(draft, `${randomBytes(48).toString('base64url')}\n`);
  // A link fails where the name is taken, so the first one wins and the other reads it.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(draft);
  return (await readFile(file, 'utf8')).trim();
}

export function bootstrapPath(directory: string): string {
  return join(directory, BOOTSTRAP_FILE);
}

/** Durable when it resolves: the password in it is stored nowhere else. */
export async function writeBootstrapFile(directory: string, content: BootstrapFile): Promise<void> {
  const file = bootstrapPath(directory);
  const draft = draftOf(file);
  await writeDurably(draft, `${JSON.stringify(content, null, 2)}\n`);
  await rename(draft, file);
}

/** Beside the file, under a name that no other start uses. */
function draftOf(file: string): string {
  return `${file}.${randomBytes(6).toString('hex')}`;
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

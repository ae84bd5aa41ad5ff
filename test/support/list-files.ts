import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';

/** All files below a folder that is being worked in: a folder that goes while it is read is read again. */
export async function listFiles(directory: string): Promise<Dirent[]> {
  for (let attempt = 0; ; attempt++) {
    try {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 100) throw error;
    }
  }
}

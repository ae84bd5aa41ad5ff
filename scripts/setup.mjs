// Makes a fresh clone runnable: `node scripts/setup.mjs`. Plain Node, no dependencies, since it runs
// before there are any. Every step finds out by itself whether there is anything to do.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './setup/lock.mjs';
import { installPackages, linkPostgresLibraries } from './setup/packages.mjs';
import { root } from './setup/paths.mjs';
import { killRunning, mustRun, SetupError } from './setup/run.mjs';
import { hashOf, isFresh, markFresh } from './setup/stamp.mjs';
import { prepareEngine } from './setup/engine.mjs';

/** In order. A step returns what it did, in words. To add one, add a line. */
const steps = [
  { title: 'Node.js', run: checkNode },
  { title: 'Packages', run: installPackages },
  { title: 'PostgreSQL libraries', run: async () => linkPostgresLibraries() },
  { title: 'Native TensorFlow engine', run: nativeEngine },
  {
    title: 'Generated code',
    run: () =>
      script('generate.mjs', 'generated', {
        inputs: ['schema.graphql', 'prisma/schema.prisma', 'scripts/codegen-mappers.mjs'],
        outputs: ['src/graphql/generated/resolvers.ts', 'src/database/generated/client.ts'],
      }),
  },
  { title: 'Build', run: () => script('build.mjs', 'built', { inputs: ['src'], outputs: ['dist'] }) },
  {
    title: 'GraphiQL',
    run: () =>
      script('build-graphiql.mjs', 'built', {
        inputs: ['src/dashboard/graphiql'],
        outputs: ['dist/graphiql/index.html'],
      }),
  },
];

/**
 * @param {{quiet?: boolean, insistOnEngine?: boolean}} options `quiet` prints only the steps that did
 *   something; `insistOnEngine` tries the native engine again although it failed a short while ago
 * @returns {Promise<{engine: {engine: string, way: string, detail: string}}>}
 */
export async function setup(options = {}) {
  const interrupted = (signal) => {
    killRunning();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  const outcome = { options, engine: null };
  try {
    await withLock(
      async () => {
        for (const [index, step] of steps.entries()) await runStep(step, index, outcome);
      },
      () => print('Another set-up is running in this folder; waiting for it.'),
    );
    return outcome;
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

async function runStep(step, index, outcome) {
  const startedAt = performance.now();
  const label = `[${index + 1}/${steps.length}] ${step.title} …`;
  outcome.progress = (text) => print(`${label} ${text}`);
  const done = await step.run(outcome);
  if (outcome.options.quiet && done === 'ready') return;
  print(`${label} ${done} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
}

async function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isSupported = engines.node.split('||').some((range) => {
    const [wantedMajor, wantedMinor] = range
      .replace(/[^\d.]/g, '')
      .split('.')
      .map(Number);
    return major === wantedMajor && minor >= wantedMinor;
  });
  if (!isSupported) {
    throw new SetupError(`Souk runs on Node.js ${engines.node}, but this is ${process.versions.node}.`);
  }
  return 'ready';
}

async function nativeEngine(outcome) {
  const { insistOnEngine } = outcome.options;
  outcome.engine = await prepareEngine({ insist: insistOnEngine, progress: outcome.progress });
  const { engine, detail, isNew } = outcome.engine;
  if (engine === 'tfjs-node') return isNew ? `ready, ${detail}` : 'ready';
  return `cannot be had, so predictions are served by tfjs-wasm (${detail})`;
}

/** Runs one of our own scripts unless its inputs are the same as the last time. */
async function script(name, done, { inputs, outputs }) {
  const files = [...inputs, `scripts/${name}`, 'package-lock.json'].map((file) => join(root, file));
  const isComplete = outputs.every((output) => existsSync(join(root, output)));
  const hash = hashOf(files);
  if (isComplete && isFresh(name, hash)) return 'ready';
  await mustRun(`scripts/${name}`, process.execPath, [join(root, 'scripts', name)], {
    deadlineMs: 5 * 60_000,
  });
  markFresh(name, hash);
  return done;
}

const print = (line) => process.stderr.write(`${line}\n`);

/** For the scripts that cannot go on without it: a failed set-up is told in its own words, exit code 1. */
export async function setupOrExit(options) {
  try {
    return await setup(options);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    print(error.details === '' ? error.message : `${error.details}\n${error.message}`);
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setupOrExit();

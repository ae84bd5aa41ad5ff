// What it is worth to write a model as one TensorFlow graph: public TFJS graph models and the Keras fixtures, published
// as anybody would. The trial at publication runs each on TensorFlow.js's executor or layers and as the lowered graph,
// in one process with the same native library and threads, best of several runs, and compares the answers.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zipOf } from '../zip.mjs';

const path = (relative) => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
const HUMAN = path('node_modules/@vladmandic/human/models');
const KERAS = ['keras/dense', 'keras/cnn', 'keras/mlp', 'keras/rnn', 'keras/autoencoder', 'digits/digits'];

export const lowering = {
  name: 'lowering',
  keys: {
    'lowering.geomean': { atLeast: 3.5 },
    'lowering.share': { atLeast: 0.9 },
    'lowering.maxDiff': { atMost: 1e-4 },
  },

  async prepare(world) {
    const server = await world.server('lowering', { INFERENCE_RUNTIMES: 'tfjs-graph,tfjs-node' });
    const models = [...graphModels(), ...KERAS.map(kerasModel)];
    return { server, models, facts: { models: models.map(({ name }) => name) } };
  },

  async round(world, { server, models }, round) {
    const told = {};
    for (const { name, bytesOf } of models) {
      world.progress(`lowering: ${name}`);
      const { trials } = await world.published(server, `${name}-${round}`, [bytesOf]);
      told[name] = compared(trials);
    }
    const lowered = Object.values(told).filter((one) => one.lowered);
    const gains = lowered.flatMap(({ gain }) => (gain === null ? [] : [Math.log(gain)]));
    return {
      values: {
        'lowering.geomean':
          gains.length === 0 ? null : Math.exp(gains.reduce((a, b) => a + b) / gains.length),
        'lowering.share': lowered.length / models.length,
        'lowering.maxDiff': Math.max(...lowered.map(({ diff }) => diff)),
      },
      raw: told,
    };
  },
};

/** `gain` is null where only the lowered graph runs. */
function compared(trials) {
  const of = (runtime) => trials.find((trial) => trial.runtime === runtime);
  const [graph, executor] = [of('TFJS_GRAPH'), of('TFJS_NODE')];
  const both = graph?.ok === true && executor?.ok === true;
  return {
    lowered: graph?.ok === true,
    gain: both ? executor.computeMs / graph.computeMs : null,
    executorMs: executor?.computeMs ?? null,
    loweredMs: graph?.computeMs ?? null,
    diff: graph?.maxRelativeDiff ?? 0,
    ...(graph?.ok === true ? {} : { reason: graph?.reason ?? 'It was not tried as a graph.' }),
  };
}

function graphModels() {
  return readdirSync(HUMAN)
    .filter((file) => file.endsWith('.json') && file !== 'models.json')
    .map((file) => ({
      name: file.slice(0, -'.json'.length),
      bytesOf: () => graphArchive(`${HUMAN}/${file}`),
    }));
}

function graphArchive(file) {
  const json = readFileSync(file);
  const shards = JSON.parse(json).weightsManifest.flatMap(({ paths }) => paths);
  return zipOf([['model.json', json], ...shards.map((shard) => [shard, readFileSync(`${HUMAN}/${shard}`)])]);
}

function kerasModel(name) {
  const file = path(`test/fixtures/${name}.h5`);
  return { name: name.replace('/', '-'), bytesOf: () => readFileSync(file) };
}

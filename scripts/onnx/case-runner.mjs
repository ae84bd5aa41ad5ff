// Runs one ONNX test case after the other, as they are sent: import (everything that the throw-away child does),
// load the pack that it left, run every data set, compare. A process of its own, because a native crash is a finding.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importArtifact } from '../../dist/importers/child/import-artifact.js';
import { ONNX_TYPES } from '../../dist/importers/onnx-schema.js';
import { decodeMessage, messageField, messageList, textField } from '../../dist/importers/onnx-wire.js';
import { createRuntime } from '../../dist/inference/worker/runtimes/index.js';
import { difference } from './compare.mjs';
import { readTensorFile } from './tensor-file.mjs';

const DEFAULT_TOLERANCE = { rtol: 1e-3, atol: 1e-7 };
const runtime = createRuntime('onnx');
const started = runtime.start();

process.on('disconnect', () => process.exit(0));
process.on('message', async ({ directory }) => {
  let outcome;
  try {
    await started;
    outcome = await runCase(directory);
  } catch (error) {
    outcome = { verdict: 'FAULT', detail: String(error?.stack ?? error) };
  }
  process.send(outcome);
});

async function runCase(directory) {
  const workDirectory = mkdtempSync(join(tmpdir(), 'souk-onnx-case-'));
  try {
    const sample = sampleOf(directory);
    const request = {
      artifactPath: join(directory, 'model.onnx'),
      workDirectory,
      runtimes: ['onnx'],
      ...sample,
    };
    const result = await importArtifact(request, () => undefined);
    if (!result.ok) return { verdict: result.error.code, detail: result.error.message };
    const pack = readFileSync(join(workDirectory, 'model.pack'));
    const model = await runtime.load(pack);
    try {
      return await compareSets(directory, model, result.value);
    } finally {
      model.dispose();
    }
  } finally {
    rmSync(workDirectory, { recursive: true });
  }
}

/** The first data set, as a publisher would declare it. */
function sampleOf(directory) {
  const set = join(directory, 'test_data_set_0');
  const inputs = existsSync(set) ? tensorsIn(set, 'input') : [];
  if (inputs.length === 0 || inputs.includes(null)) return {};
  const names = inputNames(join(directory, 'model.onnx'));
  return {
    sample: inputs.map(({ name, datatype, shape, data }, at) => ({
      // Old test files name their tensors otherwise than the model does; the order counts then.
      name: names.includes(name) ? name : (names[at] ?? name),
      datatype,
      shape,
      base64: Buffer.from(data).toString('base64'),
    })),
  };
}

/** Of what callers send: not of initialisers that old files list as well. */
function inputNames(file) {
  const model = decodeMessage(readFileSync(file), ONNX_TYPES, 'ModelProto', 'ONNX file');
  const graph = messageField(model, 'graph');
  const given = messageList(graph, 'initializer').map((tensor) => textField(tensor, 'name'));
  return messageList(graph, 'input')
    .map((info) => textField(info, 'name'))
    .filter((name) => !given.includes(name));
}

async function compareSets(directory, model, { signature }) {
  const sets = readdirSync(directory).filter((name) => name.startsWith('test_data_set_'));
  if (sets.length === 0) return { verdict: 'IMPORTED', detail: '' };
  for (const set of sets) {
    const inputs = tensorsIn(join(directory, set), 'input');
    const expected = tensorsIn(join(directory, set), 'output');
    if (inputs.includes(null) || expected.includes(null)) return { verdict: 'NO_TENSORS', detail: set };
    const given = signature.inputs.map(({ name, shape }, at) => {
      const tensor = inputs.find((input) => input.name === name) ?? inputs[at];
      const misfit =
        tensor.shape.length !== shape.length || shape.some((d, i) => d !== -1 && d !== tensor.shape[i]);
      if (misfit) throw new Error(`Input ${name} [${tensor.shape}] does not fit the signature's [${shape}].`);
      return tensor;
    });
    let outputs;
    try {
      outputs = await model.run(given.map((tensor) => ({ ...tensor, data: tensor.data.slice() })));
    } catch (error) {
      return { verdict: 'RUN_FAILED', detail: error.message };
    }
    for (const [at, tensor] of expected.entries()) {
      const found = outputs.find((output) => output.name === tensor.name) ?? outputs[at];
      const problem = difference(tensor, found, toleranceOf(directory));
      if (problem !== null) return { verdict: 'DIFFERS', detail: `${set}: ${problem}` };
    }
  }
  return { verdict: 'EQUAL', detail: '' };
}

function toleranceOf(directory) {
  const file = join(directory, 'tolerance');
  if (!existsSync(file)) return DEFAULT_TOLERANCE;
  const [rtol, atol] = readFileSync(file, 'utf8').split(' ').map(Number);
  return { rtol, atol };
}

function tensorsIn(directory, side) {
  const names = readdirSync(directory).filter((name) => name.startsWith(`${side}_`));
  return names.map((_, at) => readTensorFile(join(directory, `${side}_${at}.pb`)));
}

/**
 * Graph models with control flow in both forms, lists of tensors and hash tables, lowered, against what TensorFlow gave
 * (`make-fixtures.py`) and, for tables, against TensorFlow.js's executor.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ConvertedModel } from '../../../src/importers/converted-model.js';
import type { JsonObject } from '../../../src/importers/json.js';
import { readTfjsGraph } from '../../../src/importers/tfjs-graph.js';
import { decodeBytesElements, encodeBytesElements } from '../../../src/inference/index.js';
import type { Tensor } from '../../../src/lib/tensor.js';
import {
  elementsOf,
  graphModel,
  integers,
  node,
  placeholder,
  runModel,
  strings,
  text,
  type,
  weightBlock,
  type GraphConstant,
} from '../../support/graph-models.js';
import { unknownToTensorflow } from '../../support/tensorflow-ops.js';
import { createEngines, tensorOf, type Values } from '../../support/importing.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/tfjs-graphs/', import.meta.url));
const engines = createEngines();

interface Fixture {
  readonly topology: JsonObject;
  readonly signature: JsonObject;
  readonly weights: readonly Omit<GraphConstant, 'declared'>[];
  readonly inputs: readonly (Values & { readonly name: string })[];
  readonly outputs: readonly Values[];
}

function read(file: string): Fixture & { readonly model: ConvertedModel } {
  const fixture = JSON.parse(readFileSync(`${FIXTURES}${file}`, 'utf8')) as Fixture;
  const { topology, signature, weights } = fixture;
  return { ...fixture, model: readTfjsGraph({ signature }, topology, weights.map(weightBlock), null) };
}

describe('control flow', () => {
  const files = readdirSync(FIXTURES).filter((file) => file.endsWith('.json'));

  it.each(files)('%s gives what TensorFlow gave', async (file) => {
    const { model, inputs, outputs } = read(file);
    expect(unknownToTensorflow(model)).toEqual([]);
    const given = inputs.map((input) => tensorOf(input.name, 'FP32', input));
    const made = await runModel(engines, 'tfjs-graph', model, given);
    expect(made.map(({ shape }) => shape)).toEqual(outputs.map(({ shape }) => shape));
    outputs.forEach(({ data }, i) => {
      const values = elementsOf(made[i] as Tensor);
      expect(Math.max(...data.map((value, at) => Math.abs(value - (values[at] ?? NaN))))).toBeLessThan(1e-4);
    });
  });

  it('is in both forms, with functions and with frames, and with lists of tensors in each', () => {
    const ops = new Set(files.flatMap((file) => read(file).model.operations));
    const wanted = [
      'While', 'If', 'Enter', 'Exit', 'Merge', 'Switch', 'NextIteration', 'LoopCond', 'TensorListFromTensor',
      'TensorListReserve', 'TensorListGetItem', 'TensorListSetItem', 'TensorListStack', 'TensorListPushBack',
      'TensorListPopBack', 'TensorListLength', 'TensorListGather', 'TensorListSplit', 'EmptyTensorList',
    ]; // prettier-ignore
    expect(wanted.filter((op) => !ops.has(op) && !ops.has(`Stateless${op}`))).toEqual([]);
  });
});

const STRING = type('DT_STRING');
const INT64 = type('DT_INT64');

/** A table of words and numbers that an initialiser fills, as tfjs-converter writes it. */
function table(): ConvertedModel {
  return graphModel({
    constants: [integers('none', -1, 'DT_INT64')],
    innerConstants: [strings('keys', ['cat', 'dog', 'bird']), integers('values', [7, 8, 9], 'DT_INT64')],
    nodes: [
      placeholder('words', [-1], 'DT_STRING'),
      node('table', 'Placeholder', [], { dtype: type('DT_RESOURCE'), shape: { shape: {} } }),
      node('found', 'LookupTableFindV2', ['table', 'words', 'none'], { Tin: STRING, Tout: INT64 }),
      node('size', 'LookupTableSizeV2', ['table']),
    ],
    signature: {
      inputs: {
        words: { name: 'words:0', dtype: 'DT_STRING' },
        table: { name: 'table:0', dtype: 'DT_RESOURCE', resourceId: 4 },
      },
      outputs: {
        found: { name: 'found:0', dtype: 'DT_INT64' },
        size: { name: 'size:0', dtype: 'DT_INT64' },
      },
    },
    initializer: {
      nodes: [
        node('made', 'HashTableV2', [], {
          key_dtype: STRING,
          value_dtype: INT64,
          shared_name: text('a-table'),
          container: text(''),
          use_node_name_sharing: { b: true },
        }),
        node('keys', 'Const', [], { dtype: STRING }),
        node('values', 'Const', [], { dtype: INT64 }),
        node('filled', 'LookupTableImportV2', ['made', 'keys', 'values'], { Tin: STRING, Tout: INT64 }),
        // What the initialiser's function returns waits for what it did.
        node('Identity', 'Identity', ['made', '^filled'], { T: type('DT_RESOURCE') }),
      ],
      signature: { outputs: { Identity: { name: 'Identity:0', dtype: 'DT_RESOURCE', resourceId: 4 } } },
    },
  });
}

it('a hash table is made and filled when the model is loaded', async () => {
  const model = table();
  expect(model.lowered).toMatchObject({ ok: true });
  const asked = ['dog', 'fish', 'cat'].map((word) => Buffer.from(word));
  const words: Tensor = { name: 'words', datatype: 'BYTES', shape: [3], data: encodeBytesElements(asked) };
  expect(decodeBytesElements(words.data)).toHaveLength(3);
  const [found, size] = await runModel(engines, 'tfjs-graph', model, [words]);
  // int64 in the graph; callers get what TensorFlow.js gives them.
  expect(found?.datatype).toBe('INT32');
  expect(elementsOf(found as Tensor)).toEqual([8, -1, 7]);
  expect(elementsOf(size as Tensor)).toEqual([3]);
  const [byExecutor] = await runModel(engines, 'tfjs-node', model, [words]);
  expect(elementsOf(byExecutor as Tensor)).toEqual([8, -1, 7]);
});

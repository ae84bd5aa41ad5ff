/** Inputs of a model as people write them in a file: JSON, from a path or from standard input. */
import { readFile } from 'node:fs/promises';
import { EXIT, Failure } from './failure.js';

/** As the API takes it; what is in it, the server checks. */
export interface TensorInput {
  readonly name?: string | undefined;
  readonly datatype?: string | undefined;
  readonly shape?: readonly number[] | undefined;
  readonly data: unknown;
}

/** A call and, where the file says so, what must come out. */
export interface Sample {
  readonly inputs: readonly TensorInput[];
  readonly outputs?: readonly TensorInput[];
  readonly tolerance?: number;
}

export const TENSOR_FILE_FORMS =
  '{"inputs": [{"name": "x", "data": [[1, 2]]}]}, the list alone, or {"x": [[1, 2]]} by name';

/**
 * @param path `-` for standard input
 * @throws Failure when it cannot be read or is none of `TENSOR_FILE_FORMS`
 */
export async function readSampleFile(
  path: string,
  stdin: AsyncIterable<Buffer> = process.stdin,
): Promise<Sample> {
  const text = path === '-' ? await textOf(stdin) : await readText(path);
  const name = path === '-' ? 'standard input' : path;
  return parseSample(name, text);
}

/** @param name of where it comes from, for the message */
export function parseSample(name: string, text: string): Sample {
  const json = parseJson(name, text);
  if (Array.isArray(json)) return { inputs: tensorsOf(name, json) };
  if (!isObject(json)) throw wrongForm(name, 'no object');
  const { inputs, outputs, tolerance, ...rest } = json;
  // A model may have an input of that name; its data then is no list of objects.
  if (!isListOfTensors(inputs)) return { inputs: byName(json) };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrongForm(name, `the field ${JSON.stringify(unknown)}`);
  if (tolerance !== undefined && typeof tolerance !== 'number')
    throw wrongForm(name, 'a tolerance that is no number');
  return {
    inputs: tensorsOf(name, inputs),
    ...(outputs === undefined ? {} : { outputs: outputsOf(name, outputs) }),
    ...(tolerance === undefined ? {} : { tolerance }),
  };
}

/** Expected outputs may be written by name as well. */
function outputsOf(name: string, outputs: unknown): readonly TensorInput[] {
  if (Array.isArray(outputs)) return tensorsOf(name, outputs);
  if (!isObject(outputs)) throw wrongForm(name, 'outputs that are no list');
  return byName(outputs);
}

function byName(tensors: Readonly<Record<string, unknown>>): readonly TensorInput[] {
  return Object.entries(tensors).map(([name, data]) => ({ name, data }));
}

function tensorsOf(name: string, list: readonly unknown[]): readonly TensorInput[] {
  if (!isListOfTensors(list)) throw wrongForm(name, 'a list of something else than objects with data');
  // Only what the API knows, so that an answer of `predict` may be sent back as what is expected.
  return list.map(({ name, datatype, shape, data }) => ({ name, datatype, shape, data }));
}

function isListOfTensors(list: unknown): list is readonly TensorInput[] {
  return Array.isArray(list) && list.every((one: unknown) => isObject(one) && 'data' in one);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const cause = (error as { readonly code?: string }).code ?? String(error);
    throw new Failure(`The file ${path} cannot be read (${cause}).`, EXIT.failed, 'INVALID_INPUT');
  }
}

async function textOf(stdin: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stdin) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(
      `The text of ${name} is not JSON: ${(error as Error).message}.`,
      EXIT.failed,
      'INVALID_INPUT',
    );
  }
}

function wrongForm(name: string, found: string): Failure {
  return new Failure(
    `The text of ${name} holds ${found}; expected ${TENSOR_FILE_FORMS}.`,
    EXIT.failed,
    'INVALID_INPUT',
  );
}

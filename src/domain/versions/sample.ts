/**
 * The publisher's sample, as far as it can be checked before the file has been read: how large it is, and that it is
 * made of tensors at all. Whether it fits the model, the trial finds out. Pure.
 */
import type { ImportSample } from '../../importers/index.js';
import { DecodedBase64 } from '../../lib/decoded-base64.js';
import type { RawTensor } from '../../lib/raw-tensor.js';
import { MAX_RANK } from '../../lib/read-elements.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from './errors.js';

export interface SampleInput {
  readonly inputs: readonly RawTensor[];
  /** What the model must answer; those that are not named are not compared. */
  readonly outputs?: readonly RawTensor[] | null | undefined;
  /** 0 to 1. */
  readonly tolerance?: number | null | undefined;
}

/** Of the sample as JSON; a CHECK of the table says the same. */
export const MAX_SAMPLE_BYTES = 8 * 1024 * 1024;
export const DEFAULT_TOLERANCE = 1e-3;
const MAX_TENSORS = 100;
const MAX_NAME_CHARACTERS = 1_000;

/** The sample as the table keeps it, or what is wrong with it. */
export function checkSample(sample: SampleInput): Result<string, InvalidInput> {
  const tolerance = sample.tolerance ?? DEFAULT_TOLERANCE;
  if (!(tolerance >= 0 && tolerance <= 1)) {
    return refuse(
      invalidInput(['sample', 'tolerance'], `tolerance is a number from 0 to 1; found ${tolerance}.`),
    );
  }
  const { inputs } = sample;
  const outputs = sample.outputs ?? [];
  for (const [side, tensors] of Object.entries({ inputs, outputs })) {
    if (tensors.length > MAX_TENSORS) {
      const message = `A sample has at most ${MAX_TENSORS} ${side}; these are ${tensors.length}.`;
      return refuse(invalidInput(['sample', side], message));
    }
    for (const [at, tensor] of tensors.entries()) {
      const mistake = mistakeIn(tensor, ['sample', side, String(at)]);
      if (mistake !== null) return refuse(mistake);
    }
  }
  const text = JSON.stringify({ inputs, outputs, tolerance } satisfies ImportSample);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_SAMPLE_BYTES) return ok(text);
  const hint = 'One row is enough, and base64 is smaller than lists of numbers.';
  return refuse(
    invalidInput(
      ['sample'],
      `A sample takes at most ${MAX_SAMPLE_BYTES} bytes as JSON; this one takes ${bytes}. ${hint}`,
    ),
  );
}

/** What `checkSample` made. */
export function sampleFromText(text: string): ImportSample {
  return JSON.parse(text) as ImportSample;
}

function mistakeIn({ name, shape, data }: RawTensor, path: readonly string[]): InvalidInput | null {
  if ((name ?? '').length > MAX_NAME_CHARACTERS) {
    return invalidInput(
      [...path, 'name'],
      `The name of a tensor has at most ${MAX_NAME_CHARACTERS} characters.`,
    );
  }
  if ((shape ?? []).length > MAX_RANK) {
    return invalidInput([...path, 'shape'], `A tensor has at most ${MAX_RANK} dimensions.`);
  }
  if (data instanceof DecodedBase64 || isElements(data, MAX_RANK)) return null;
  return invalidInput(
    [...path, 'data'],
    `data is base64, or numbers, texts and truth values in lists at most ${MAX_RANK} deep.`,
  );
}

/** Never deeper than a tensor can be, so that it may be walked and written down. */
function isElements(data: unknown, depth: number): boolean {
  if (Array.isArray(data)) return depth > 0 && data.every((element) => isElements(element, depth - 1));
  return typeof data === 'string' || typeof data === 'number' || typeof data === 'boolean';
}

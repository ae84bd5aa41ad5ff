/**
 * Takes the long base64 texts out of a JSON body before it is parsed. What is left is small, and parsed and searched
 * as ever; the texts are decoded from where they lie, piece by piece, and put where a tensor's data stands.
 */
import { randomUUID } from 'node:crypto';
import { base64Length, DecodedBase64 } from '../lib/decoded-base64.js';

export interface LiftedBody {
  /** The body with a short text in the place of each long one. */
  readonly rest: Buffer;
  /**
   * Puts the decoded texts into what `rest` was parsed to. False when one of them is not a tensor's data: the body must then be
   * parsed as a whole.
   */
  restore(parsed: unknown): boolean;
}

/** Shorter texts cost less as strings. */
const LONG_BYTES = 16 * 1024;
/** A body with more texts than this before its last long one is left to the parser, which is quicker at that. */
const MAX_TEXTS = 256;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Returns the function that lifts; `null` when there is nothing to lift. */
export function createLift(): (body: Buffer) => LiftedBody | null {
  // Nobody else knows it, so no text of a request can be taken for one of ours.
  const mark = `lifted ${randomUUID()} `;
  return (body) => {
    const parts: Buffer[] = [];
    const values: DecodedBase64[] = [];
    let taken = 0;
    for (let at = 0, texts = 0; texts < MAX_TEXTS; texts++) {
      const start = body.indexOf(QUOTE, at) + 1;
      if (start === 0) break;
      const end = endOfText(body, start);
      if (end === null) return null;
      at = end + 1;
      if (end - start < LONG_BYTES) continue;
      const bytes = decode(body, start, end);
      if (bytes === null) continue;
      parts.push(body.subarray(taken, start), Buffer.from(`${mark}${values.length}`));
      values.push(new DecodedBase64(bytes));
      taken = end;
    }
    if (values.length === 0) return null;
    parts.push(body.subarray(taken));
    return {
      rest: Buffer.concat(parts),
      restore: (parsed) => {
        let restored = 0;
        for (const tensor of tensorsIn(parsed)) {
          const { data } = tensor;
          if (typeof data !== 'string' || !data.startsWith(mark)) continue;
          tensor.data = values[Number(data.slice(mark.length))];
          restored += 1;
        }
        return restored === values.length;
      },
    };
  };
}

/** Where the JSON text ends that begins at `start`: at the next quote that is not escaped. */
function endOfText(body: Buffer, start: number): number | null {
  for (let end = body.indexOf(QUOTE, start); end >= 0; end = body.indexOf(QUOTE, end + 1)) {
    let backslashes = 0;
    while (end - backslashes > start && body[end - backslashes - 1] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return null;
}

/** Four characters stand for three bytes; strings of this length do not leave the young generation. */
const PIECE_CHARACTERS = 64 * 1024;

/** `null` when it is no base64 from end to end: an escape or anything else that JSON reads in its own way among them. */
function decode(body: Buffer, start: number, end: number): Uint8Array | null {
  const length = base64Length(
    end - start,
    (padding) => body.toString('latin1', end - padding.length, end) === padding,
  );
  if (length === null) return null;
  // Not from Node's pool: the bytes are handed to the engine, which views them as wider elements.
  const bytes = new Uint8Array(length);
  const target = Buffer.from(bytes.buffer);
  let written = 0;
  for (let at = start; at < end; at += PIECE_CHARACTERS) {
    const piece = body.toString('latin1', at, Math.min(end, at + PIECE_CHARACTERS));
    const expected = Math.min(length - written, (PIECE_CHARACTERS / 4) * 3);
    // Passes over what is no base64, so that the result then is too short.
    if (target.write(piece, written, 'base64') !== expected) return null;
    written += expected;
  }
  return bytes;
}

/** Objects in the lists `inputs` of the variables: the contract has no other large values. */
function* tensorsIn(parsed: unknown): Generator<Record<string, unknown>> {
  const variables = isObject(parsed) ? parsed['variables'] : null;
  if (!isObject(variables)) return;
  for (const value of Object.values(variables)) {
    const inputs = Array.isArray(value) ? value : isObject(value) ? value['inputs'] : null;
    if (!Array.isArray(inputs)) continue;
    for (const tensor of inputs as readonly unknown[]) if (isObject(tensor)) yield tensor;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What a child process says is checked before the pool believes it: a child that was taken over by the model in
 * it must not be able to break the server with a message that the pool does not expect. A thread needs none of
 * this: it could reach into the server's memory anyway.
 */
import { z } from 'zod';
import { bytesPerElement, DATATYPES, elementCount } from '../lib/tensor.js';
import type { WireTensor, WorkerMessage } from './messages.js';
import { decodeBytesElements } from './tensors.js';
import { RUNTIMES } from './types.js';

const id = z.int().nonnegative();
const text = z.string().max(4_000);
const bytes = z.number().nonnegative();
const milliseconds = z.number().nonnegative();
const runtime = z.enum(RUNTIMES);
const digest = z.string().max(128);

const tensor = z
  .object({
    name: text,
    datatype: z.enum(DATATYPES),
    shape: z.array(z.int().nonnegative()).max(32),
    data: z.instanceof(ArrayBuffer),
  })
  .refine(isWhole, 'The data does not fit the shape.');

const workerMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('inferred'),
    id,
    outputs: z.array(tensor).max(1_000),
    loadMs: milliseconds,
    computeMs: milliseconds,
  }),
  z.object({ type: z.literal('loaded'), id, bytes, loadMs: milliseconds }),
  z.object({
    type: z.literal('refused'),
    id,
    refusal: z.object({
      code: z.enum(['LOAD_FAILED', 'RUNTIME_FAILED', 'DEADLINE_EXCEEDED']),
      message: text,
    }),
    fatal: z.boolean(),
  }),
  z.object({ type: z.literal('evicted'), id }),
  z.object({
    type: z.literal('stats'),
    id,
    memory: z.array(z.object({ runtime, tensors: z.number(), bytes: z.number() })).max(16),
  }),
  z.object({ type: z.literal('stopped'), id }),
  z.object({
    type: z.literal('ready'),
    runtimes: z.array(z.object({ runtime, available: z.boolean(), reason: text.nullable() })).max(16),
  }),
  z.object({
    type: z.literal('residents'),
    models: z.array(z.object({ digest, runtime, bytes })).max(100_000),
  }),
  z.object({ type: z.literal('loading'), id }),
  z.object({ type: z.literal('computing'), id }),
]) satisfies z.ZodType<WorkerMessage>;

/** The message, or `null` when it is none of the protocol. */
export function checkMessage(message: unknown): WorkerMessage | null {
  const parsed = workerMessage.safeParse(message);
  return parsed.success ? parsed.data : null;
}

/** Whoever reads the tensor relies on its length. */
function isWhole({ datatype, shape, data }: WireTensor): boolean {
  const width = bytesPerElement(datatype);
  const count = elementCount(shape);
  if (width !== null) return data.byteLength === count * width;
  try {
    return decodeBytesElements(new Uint8Array(data)).length === count;
  } catch {
    return false;
  }
}

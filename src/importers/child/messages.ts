/** What parent and child say to each other. The parent believes nothing that does not fit. */
import { z } from 'zod';
import { RUNTIMES } from '../../inference/index.js';
import { DATATYPES } from '../../lib/tensor.js';
import { IMPORT_PHASES, IMPORT_REFUSAL_CODES, MODEL_FORMATS, type ImportRequest } from '../types.js';

/** Sent once, first. Crosses as JSON: of the sample, what was decoded from base64 is base64 again. */
export type ChildRequest = Pick<ImportRequest, 'artifactPath' | 'workDirectory' | 'runtimes' | 'sample'>;

const text = z.string().max(20_000);
const tensorSpec = z.object({
  name: text,
  datatype: z.enum(DATATYPES),
  shape: z.array(z.int().min(-1)).max(32),
});
const signature = z.object({ inputs: z.array(tensorSpec).max(1000), outputs: z.array(tensorSpec).max(1000) });
const milliseconds = z.number().nonnegative().nullable();
const operations = z.array(z.object({ name: text, count: z.int().positive() })).max(10_000);
const trials = z
  .array(
    z.object({
      runtime: z.enum(RUNTIMES),
      ok: z.boolean(),
      reason: text.nullable(),
      loadMs: milliseconds,
      memoryBytes: z.number().nonnegative().nullable(),
      computeMs: milliseconds,
      batchComputeMs: milliseconds,
      maxRelativeDiff: z.number().nonnegative().nullable(),
      comparedInputs: z.int().nonnegative().nullable(),
    }),
  )
  .max(16);

const sample = z
  .object({
    inputs: z.array(tensorSpec).max(1000),
    comparedOutputs: z.array(text).max(1000),
    tolerance: z.number().nonnegative(),
    largestDifference: z.number().nonnegative().nullable(),
  })
  .nullable();

export const childMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), phase: z.enum(IMPORT_PHASES), fraction: z.number().min(0).max(1) }),
  // As soon as it is known: whoever is refused later has this in its report.
  z.object({
    type: z.literal('facts'),
    facts: z
      .object({
        format: z.enum(MODEL_FORMATS),
        producer: text.nullable(),
        parameterCount: z.number().nonnegative(),
        weightBytes: z.number().nonnegative(),
        operations,
        notes: z.array(text).max(100),
        trials,
        sample,
      })
      .partial(),
  }),
  z.object({
    type: z.literal('refused'),
    code: z.enum(IMPORT_REFUSAL_CODES),
    message: text,
    subject: text.nullable(),
  }),
  z.object({
    type: z.literal('done'),
    report: z.object({
      format: z.enum(MODEL_FORMATS),
      producer: text.nullable(),
      signature,
      signatures: z
        .array(
          z.object({
            name: text,
            signature,
            batchable: z.boolean(),
            computeMs: z.number().nonnegative().optional(),
          }),
        )
        .min(1)
        .max(64),
      runtime: z.enum(RUNTIMES),
      batchable: z.boolean(),
      trials,
      parameterCount: z.number().nonnegative(),
      weightBytes: z.number().nonnegative(),
      operations,
      notes: z.array(text).max(100),
      sample,
    }),
  }),
]);

export type ChildFacts = Extract<z.infer<typeof childMessage>, { type: 'facts' }>['facts'];
export type ChildMessage = z.infer<typeof childMessage>;
export type ChildReport = Extract<ChildMessage, { type: 'done' }>['report'];

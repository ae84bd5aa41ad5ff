/** What parent and dataset child say to each other. The parent believes nothing that does not fit. */
import { z } from 'zod';
import { DATATYPES } from '../../lib/tensor.js';
import { DATASET_LIMITS } from './limits.js';
import { DATASET_FORMATS, DATASET_REFUSAL_CODES, LABEL_KINDS, type DatasetRequest } from './types.js';

export type DatasetChildRequest = Pick<DatasetRequest, 'sourcePath' | 'workDirectory' | 'options'>;

const text = z.string().max(2_000);

export const datasetChildMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('refused'),
    code: z.enum(DATASET_REFUSAL_CODES),
    message: text,
    subject: text.nullable(),
  }),
  z.object({
    type: z.literal('done'),
    report: z.object({
      format: z.enum(DATASET_FORMATS),
      rows: z.int().min(1).max(DATASET_LIMITS.maxRows),
      columns: z
        .array(z.object({ name: text, datatype: z.enum(DATATYPES), shape: z.array(z.int().min(1)).max(8) }))
        .min(1)
        .max(DATASET_LIMITS.maxColumns),
      labelKind: z.enum(LABEL_KINDS),
      classes: z
        .array(z.object({ label: text, count: z.int().min(1) }))
        .max(DATASET_LIMITS.maxClasses)
        .nullable(),
      findings: z.array(text).max(DATASET_LIMITS.maxFindings),
    }),
  }),
]);

export type DatasetChildMessage = z.infer<typeof datasetChildMessage>;

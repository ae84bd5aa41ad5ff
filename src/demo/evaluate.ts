/** The part of the story in which the publisher measures two versions on the same held-out pictures. */
import { succeeded, type Client, type UserError } from './client.js';
import { readDigitsDataset } from './material.js';
import * as operations from './operations.js';

type Errors = { readonly errors: readonly UserError[] };

/** Of one version on the test images. */
export interface MeasuredVersion {
  readonly id: string;
  readonly accuracy: number;
  readonly loss: number | null;
  readonly macroF1: number;
  /** Predictions that it was charged. */
  readonly charged: number;
}

export interface Measured {
  readonly dataset: { readonly rows: number; readonly sha256: string };
  readonly versions: readonly MeasuredVersion[];
  /** The second version against the first, row by row. */
  readonly comparison: {
    readonly rows: number;
    readonly bothRight: number;
    readonly onlyA: number;
    readonly onlyB: number;
    readonly neither: number;
    readonly mcNemarPValue: number;
  };
}

/** What makes 0 to 1 of a picture's 0 to 255. */
const SCALE = 1 / 255;

/** Uploads the test images as a dataset and runs both versions over it, in the background of the server. */
export async function measureVersions(
  publisher: Client,
  versionIds: readonly [string, string],
): Promise<Measured> {
  const upload = await publisher.upload(await readDigitsDataset());
  const { createDataset } = await publisher.run<{
    createDataset: Errors & { dataset: { id: string; rows: number; sha256: string } };
  }>(operations.CREATE_DATASET, { input: { name: 'held-out digits', uploadId: upload.id } });
  const { dataset } = succeeded(createDataset);
  const versions: MeasuredVersion[] = [];
  for (const versionId of versionIds) versions.push(await evaluate(publisher, versionId, dataset.id));
  const { compareEvaluations } = await publisher.run<{
    compareEvaluations: { rows: number; agreement: Omit<Measured['comparison'], 'rows'> };
  }>(operations.COMPARE, { a: versions[0]?.id, b: versions[1]?.id });
  const { rows, agreement } = compareEvaluations;
  return {
    dataset: { rows: dataset.rows, sha256: dataset.sha256 },
    versions,
    comparison: { rows, ...agreement },
  };
}

async function evaluate(publisher: Client, versionId: string, datasetId: string): Promise<MeasuredVersion> {
  const { evaluateVersion } = await publisher.run<{
    evaluateVersion: Errors & {
      evaluation: {
        id: string;
        status: string;
        charged: number;
        failure: { message: string } | null;
        report: {
          accuracy: number;
          loss: number | null;
          classification: { macro: { f1: number } };
        } | null;
      };
    };
  }>(operations.EVALUATE, { input: { versionId, datasetId, scale: SCALE, waitMs: 120_000 } });
  const { id, status, charged, failure, report } = succeeded(evaluateVersion).evaluation;
  if (status !== 'SUCCEEDED' || report === null) {
    throw new Error(`The evaluation is ${status}: ${failure?.message ?? 'it did not end in time'}.`);
  }
  const { accuracy, loss, classification } = report;
  return { id, accuracy, loss, macroF1: classification.macro.f1, charged };
}

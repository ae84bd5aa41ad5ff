import type { ImportPhase, ImportRefusal } from '../../importers/index.js';
import type { Refusal } from '../../lib/result.js';
import type { PublicationReport } from './import-run.js';
import type { Metric } from './metrics.js';

export const PUBLICATION_STATUSES = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'REFUSED'] as const;
export type PublicationStatus = (typeof PUBLICATION_STATUSES)[number];

/** What is being done, in this order: the import's own phases, and ours around them. */
export type PublicationPhase = 'STARTING' | ImportPhase | 'WARMING' | 'STORING';

/** Refusals that say something about the file. The others are about the server's own hurry, and are tried again. */
export type ImportRefusalReason = Exclude<ImportRefusal['code'], RetriedCode>;
type RetriedCode = 'IMPORT_QUEUE_FULL' | 'IMPORT_CANCELLED';

/** Why a file did not become a version, as the publisher reads it. */
export type ImportRefused = Refusal<'IMPORT_REFUSED'> & {
  readonly reason: ImportRefusalReason;
  /** The layer, op, tensor or file at fault. */
  readonly subject: string | null;
};

/** An upload on its way to become a version. */
export interface Publication {
  /** Starts with `pub_`. */
  readonly id: string;
  readonly tenantId: string;
  readonly modelId: string;
  readonly uploadId: string;
  readonly digest: string;
  readonly bytes: number;
  readonly notes: string;
  /** Id of the version that it is made from. */
  readonly derivedFrom: string | null;
  readonly metrics: readonly Metric[];
  readonly status: PublicationStatus;
  /** `null` unless RUNNING. */
  readonly phase: PublicationPhase | null;
  /** 0 to 1. */
  readonly progress: number;
  readonly versionId: string | null;
  readonly refusal: ImportRefused | null;
  /** `null` before its end, and of publications from before reports were kept. */
  readonly report: PublicationReport | null;
  /** Id of the user or API key that asked. */
  readonly createdBy: string | null;
  /** The request that asked. */
  readonly requestId: string;
  /** How often it was begun. */
  readonly attempts: number;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export function isFinished(publication: Pick<Publication, 'status'>): boolean {
  return publication.status === 'SUCCEEDED' || publication.status === 'REFUSED';
}

/** What to do after an import was refused: tell the publisher, or try again. */
export function isAboutTheFile(code: ImportRefusal['code']): code is ImportRefusalReason {
  return !RETRIED_CODES.includes(code);
}

const RETRIED_CODES: readonly string[] = [
  'IMPORT_QUEUE_FULL',
  'IMPORT_CANCELLED',
] satisfies readonly RetriedCode[];

/** A publication that was begun this often and never ended takes the server down with it, or cannot run here. */
export const MAX_ATTEMPTS = 3;

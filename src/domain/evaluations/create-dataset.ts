/**
 * The use case behind `createDataset`: an upload becomes a dataset, or stays as it was. Nothing is remembered on the way,
 * so there is nothing that a crash could leave half done but a work directory and unreferenced bytes, which are swept.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Transactions } from '../../database/index.js';
import {
  DATASET_LIMITS,
  type DatasetOptions,
  type DatasetReader,
  type ReadDataset,
} from '../../importers/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId, newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { ArtifactStore, StagedArtifact } from '../../storage/index.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { findUpload, lockDigest, takeUpload, type ImportRefused, type Upload } from '../versions/index.js';
import type { Dataset, DatasetLimits } from './dataset.js';
import * as store from './datasets-store.js';
import * as errors from './errors.js';

export interface CreateDatasetInput {
  /** 1 to 100 characters, unique in the tenant. */
  readonly name: string;
  readonly uploadId: string;
  readonly labelColumn?: string | null | undefined;
  readonly columns?: readonly string[] | null | undefined;
  readonly delimiter?: string | null | undefined;
  readonly width?: number | null | undefined;
  readonly height?: number | null | undefined;
  readonly color?: DatasetOptions['color'] | null | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

export type CreateDatasetRefusal =
  | PermissionDenied
  | errors.InvalidInput
  | errors.NotFound
  | errors.Conflict
  | errors.Overloaded
  | ImportRefused;

export type CreateDataset = (
  actor: TenantActor,
  input: CreateDatasetInput,
) => Promise<Result<Dataset, CreateDatasetRefusal>>;

export interface CreateDatasetDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly artifacts: ArtifactStore;
  readonly reader: Pick<DatasetReader, 'readDataset'>;
  /** Each reading gets an empty directory in it; on the file system of the store. */
  readonly workDirectory: string;
  readonly limits: DatasetLimits;
  /** Removes bytes that nothing refers to any more. */
  readonly releaseBytesAcrossTenants: (digest: string) => Promise<void>;
}

/** How directories of readings begin. */
export const WORK_PREFIX = 'dataset-';
const MAX_NAME_CHARACTERS = 100;
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cs}]/u;

export function createCreateDataset(deps: CreateDatasetDeps): CreateDataset {
  const { database, clock, artifacts, reader, limits } = deps;
  const readings = new Map<string, number>();

  return async (actor, input) => {
    if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
    const checked = checkInput(input);
    if (!checked.ok) return checked;
    const { name, options } = checked.value;
    const { tenantId } = actor;
    const found = await database.transaction({ tenantId }, async (tx) => {
      if (await store.isNameTaken(tx, tenantId, name)) return refuse(errors.nameTaken(name));
      if (!mayBeId(input.uploadId)) return refuse(errors.uploadNotFound());
      const upload = await findUpload(tx, tenantId, input.uploadId, clock.now());
      return upload === null ? refuse(errors.uploadNotFound()) : ok(upload);
    });
    if (!found.ok) return found;

    const others = readings.get(tenantId) ?? 0;
    if (others >= limits.maxReadings) return refuse(errors.readingsOverloaded());
    readings.set(tenantId, others + 1);
    try {
      return await read(actor, name, found.value, options, input.signal);
    } finally {
      const left = (readings.get(tenantId) ?? 1) - 1;
      if (left === 0) readings.delete(tenantId);
      else readings.set(tenantId, left);
    }
  };

  async function read(
    actor: TenantActor,
    name: string,
    upload: Upload,
    options: DatasetOptions,
    signal: AbortSignal | undefined,
  ): Promise<Result<Dataset, CreateDatasetRefusal>> {
    await mkdir(deps.workDirectory, { recursive: true, mode: 0o700 });
    const workDirectory = await mkdtemp(join(deps.workDirectory, WORK_PREFIX));
    try {
      const result = await reader.readDataset(
        {
          sourcePath: artifacts.localPath(upload.digest),
          workDirectory,
          options,
          timeoutMs: limits.readTimeoutMs,
          maxMemoryBytes: limits.readMaxMemoryBytes,
        },
        signal,
      );
      // The upload stays: with other options the same bytes may do.
      if (!result.ok) return refuse(errors.fromDatasetRefusal(result.error));
      return await keep(actor, name, upload, result.value);
    } finally {
      await rm(workDirectory, { recursive: true, force: true });
    }
  }

  async function keep(
    actor: TenantActor,
    name: string,
    upload: Upload,
    report: ReadDataset,
  ): Promise<Result<Dataset, CreateDatasetRefusal>> {
    const staged = await artifacts.stageFile(report.path);
    if (!staged.ok) return refuse(notStored(staged.error.message));
    try {
      if (staged.value.digest !== report.digest)
        throw new Error('The dataset is not the one that its reading reported.');
      const made = await insert(actor, name, upload, report, staged.value);
      // The upload's bytes, or, when it was refused after all, those that have their name but no row.
      await deps.releaseBytesAcrossTenants(made.ok ? upload.digest : report.digest);
      return made;
    } catch (error) {
      await deps.releaseBytesAcrossTenants(report.digest).catch(() => undefined);
      throw error;
    } finally {
      await staged.value.discard();
    }
  }

  function insert(
    actor: TenantActor,
    name: string,
    upload: Upload,
    report: ReadDataset,
    staged: StagedArtifact,
  ): Promise<Result<Dataset, CreateDatasetRefusal>> {
    const { tenantId } = actor;
    return database.transaction({ tenantId }, async (tx): Promise<Result<Dataset, CreateDatasetRefusal>> => {
      await store.lockDatasets(tx, tenantId);
      const totals = await store.datasetTotals(tx, tenantId);
      if (totals.count >= limits.maxDatasets || totals.bytes + report.bytes > limits.maxBytes) {
        return refuse(errors.tooManyDatasets(limits.maxDatasets, limits.maxBytes));
      }
      if (await store.isNameTaken(tx, tenantId, name)) return refuse(errors.nameTaken(name));
      await lockDigest(tx, staged.digest);
      const kept = await staged.keep();
      if (!kept.ok) return refuse(notStored(kept.error.message));
      const now = clock.now();
      // Exactly one caller gets the upload; another may have published it meanwhile.
      if ((await takeUpload(tx, tenantId, upload.id, now)) === null) return refuse(errors.uploadNotFound());
      const { format, rows, columns, labelKind, classes, findings, bytes, digest } = report;
      const dataset: Dataset = {
        id: newId('dataset', now.getTime()),
        tenantId,
        name,
        format,
        digest,
        bytes,
        sourceDigest: upload.digest,
        sourceBytes: upload.bytes,
        rows,
        columns,
        labelKind,
        classes,
        findings,
        createdBy: actor.kind === 'user' ? actor.userId : actor.apiKeyId,
        createdAt: now,
      };
      await store.insertDataset(tx, tenantId, dataset);
      await deps.audit.record(tx, actor, {
        action: 'createDataset',
        subjectId: dataset.id,
        details: { name, format, rows, sha256: digest, sourceSha256: upload.digest },
      });
      return ok(dataset);
    });
  }
}

function checkInput(
  input: CreateDatasetInput,
): Result<{ readonly name: string; readonly options: DatasetOptions }, errors.InvalidInput> {
  const no = (field: string, message: string) => refuse(errors.invalidInput([field], message));
  const name = input.name.trim();
  if (name.length < 1 || name.length > MAX_NAME_CHARACTERS || CONTROL_CHARACTERS.test(name)) {
    return no('name', `name has 1 to ${MAX_NAME_CHARACTERS} characters, none of them a control character.`);
  }
  const { labelColumn = null, columns = null, delimiter = null, width = null, height = null, color } = input;
  const texts = [labelColumn, ...(columns ?? [])].filter((text) => text !== null);
  if (
    texts.some((text) => text.length > DATASET_LIMITS.maxNameCharacters) ||
    texts.length > DATASET_LIMITS.maxColumns
  ) {
    return no('columns', 'Names of columns have at most 200 characters.');
  }
  if ((width === null) !== (height === null))
    return no('width', 'width and height are given together, or neither.');
  for (const [field, side] of Object.entries({ width, height })) {
    if (side !== null && !(Number.isInteger(side) && side >= 1 && side <= DATASET_LIMITS.maxSide)) {
      return no(field, `${field} is a whole number from 1 to ${DATASET_LIMITS.maxSide}.`);
    }
  }
  return ok({ name, options: { labelColumn, columns, delimiter, width, height, color: color ?? 'AS_IS' } });
}

function notStored(reason: string): ImportRefused {
  return {
    code: 'IMPORT_REFUSED',
    message: `The dataset was read, but could not be stored: ${reason}`,
    path: ['uploadId'],
    reason: 'LIMIT_EXCEEDED',
    subject: null,
  };
}

import type { SqlQuery, Tx } from '../../database/index.js';
import type { ModelFormat } from '../../importers/index.js';
import type { RuntimeName } from '../../inference/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Signature } from '../../lib/tensor.js';
import { grantInForceJoin, listedFor, tenantHoldsRight, visibleTo } from '../catalog/index.js';
import { metricsFromJson } from './metrics.js';
import { signaturesFromJson, trialsFromJson, type Version } from './version.js';
import { NEWEST_IN_SERVICE } from './yanks-store.js';

/** A row of `VERSION_COLUMNS`. */
export interface VersionRow {
  readonly version_id: string;
  readonly version_tenant_id: string;
  readonly version_model_id: string;
  readonly version_number: number;
  readonly version_format: string;
  readonly version_producer: string | null;
  readonly version_digest: string;
  readonly version_bytes: string | number | bigint;
  readonly version_pack_digest: string;
  readonly version_pack_bytes: string | number | bigint;
  readonly version_signature: unknown;
  readonly version_signatures: unknown;
  readonly version_runtime: string;
  readonly version_batchable: boolean;
  readonly version_trials: unknown;
  readonly version_parameter_count: string | number | bigint;
  readonly version_weight_bytes: string | number | bigint;
  readonly version_operations: unknown;
  readonly version_findings: readonly string[];
  readonly version_notes: string;
  readonly version_derived_from: string | null;
  readonly version_metrics: unknown;
  readonly version_created_by: string | null;
  readonly version_created_at: Date;
}

const COLUMN_NAMES = [
  'id',
  'tenant_id',
  'model_id',
  'number',
  'format',
  'producer',
  'digest',
  'bytes',
  'pack_digest',
  'pack_bytes',
  'signature',
  'signatures',
  'runtime',
  'batchable',
  'trials',
  'parameter_count',
  'weight_bytes',
  'operations',
  'findings',
  'notes',
  'derived_from',
  'metrics',
  'created_by',
  'created_at',
] as const;

/** What to select of `versions v` for `versionFromRow`; prefixed, so that it stands beside other tables' columns. */
export const VERSION_COLUMNS = COLUMN_NAMES.map((name) => `v.${name} AS version_${name}`).join(', ');

export function versionFromRow(row: VersionRow): Version {
  const signature = row.version_signature as Signature;
  const batchable = row.version_batchable;
  return {
    id: row.version_id,
    tenantId: row.version_tenant_id,
    modelId: row.version_model_id,
    number: row.version_number,
    format: row.version_format as ModelFormat,
    producer: row.version_producer,
    digest: row.version_digest,
    bytes: Number(row.version_bytes),
    packDigest: row.version_pack_digest,
    packBytes: Number(row.version_pack_bytes),
    signature,
    signatures: signaturesFromJson(row.version_signatures, { signature, batchable }),
    runtime: row.version_runtime as RuntimeName,
    batchable,
    trials: trialsFromJson(row.version_trials),
    parameterCount: Number(row.version_parameter_count),
    weightBytes: Number(row.version_weight_bytes),
    operations: row.version_operations as Version['operations'],
    findings: row.version_findings,
    notes: row.version_notes,
    derivedFrom: row.version_derived_from,
    metrics: metricsFromJson(row.version_metrics),
    createdBy: row.version_created_by,
    createdAt: row.version_created_at,
  };
}

/** Plain data by its type; Prisma's JSON type only knows index signatures and mutable arrays. */
function asJson(value: object): object {
  return value;
}

export async function insertVersion(tx: Tx, tenantId: string, version: Version): Promise<void> {
  const { bytes, packBytes, parameterCount, weightBytes, findings, ...others } = version;
  const { signature, signatures, trials, operations, metrics, ...rest } = others;
  await tx.version.create({
    data: {
      ...rest,
      tenantId,
      bytes: BigInt(bytes),
      packBytes: BigInt(packBytes),
      parameterCount: BigInt(parameterCount),
      weightBytes: BigInt(weightBytes),
      signature: asJson(signature),
      signatures: asJson(signatures),
      trials: asJson(trials),
      operations: asJson(operations),
      metrics: asJson(metrics),
      findings: [...findings],
    },
  });
}

/** For whom a version is read: its tenant, and whether the actor may read what is not for everybody. */
export interface Reader {
  readonly tenantId: string;
  readonly readsForTenant: boolean;
}

/** `versions v` with their model `m`, as far as the reader may see it. The tenant is `$1`. */
function visibleVersions(reader: Reader): string {
  return `FROM versions v JOIN models m ON m.id = v.model_id ${grantInForceJoin('$1')}
    WHERE ${visibleTo('$1', reader.readsForTenant)}`;
}

export async function findVersions(
  query: SqlQuery,
  reader: Reader,
  ids: readonly string[],
): Promise<Version[]> {
  const rows = await query<VersionRow>(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)} AND v.id = ANY ($2)`,
    [reader.tenantId, ids],
  );
  return rows.map(versionFromRow);
}

/** The newest version in service of each model that has one. */
export async function findLatest(
  query: SqlQuery,
  reader: Reader,
  modelIds: readonly string[],
): Promise<Version[]> {
  const rows = await query<VersionRow>(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)}
       AND v.model_id = ANY ($2) AND v.number = ${NEWEST_IN_SERVICE}`,
    [reader.tenantId, modelIds],
  );
  return rows.map(versionFromRow);
}

export async function findByNumber(
  query: SqlQuery,
  reader: Reader,
  modelId: string,
  number: number,
): Promise<Version | null> {
  const [row] = await query<VersionRow>(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)} AND v.model_id = $2 AND v.number = $3`,
    [reader.tenantId, modelId, number],
  );
  return row === undefined ? null : versionFromRow(row);
}

/** Newest first, one more than asked for. The key is the number. */
export async function listVersions(
  query: SqlQuery,
  reader: Reader,
  modelId: string,
  page: PageRequest,
): Promise<Version[]> {
  const rows = await query<VersionRow>(
    `SELECT ${VERSION_COLUMNS} ${visibleVersions(reader)}
       AND v.model_id = $2 AND ($3::int IS NULL OR v.number < $3) ORDER BY v.number DESC LIMIT $4`,
    [reader.tenantId, modelId, page.after?.[0] ?? null, page.first + 1],
  );
  return rows.map(versionFromRow);
}

/**
 * Versions that were made from this one, newest first, one more than asked for; those on models that lists show to the
 * reader. The key is the id.
 */
export async function listDerivatives(
  query: SqlQuery,
  reader: Reader,
  versionId: string,
  page: PageRequest,
): Promise<Version[]> {
  const rows = await query<VersionRow>(
    `SELECT ${VERSION_COLUMNS} FROM versions v JOIN models m ON m.id = v.model_id ${grantInForceJoin('$1')}
     WHERE ${listedFor('$1', reader.readsForTenant, true)}
       AND v.derived_from = $2 AND ($3::text IS NULL OR v.id < $3) ORDER BY v.id DESC LIMIT $4`,
    [reader.tenantId, versionId, page.after?.[0] ?? null, page.first + 1],
  );
  return rows.map(versionFromRow);
}

/** A version whose artifact the tenant may download, and the name of its model. */
export interface Downloadable {
  readonly version: Version;
  readonly ownerSlug: string;
  readonly modelName: string;
}

export async function findDownloadable(
  query: SqlQuery,
  reader: Reader,
  id: string,
): Promise<Downloadable | null> {
  const [row] = await query<VersionRow & { owner_slug: string; name: string }>(
    `SELECT ${VERSION_COLUMNS}, m.owner_slug, m.name ${visibleVersions(reader)}
       AND ${tenantHoldsRight('DOWNLOAD', '$1')} AND v.id = $2`,
    [reader.tenantId, id],
  );
  return row === undefined
    ? null
    : { version: versionFromRow(row), ownerSlug: row.owner_slug, modelName: row.name };
}

/** Of each pack the oldest versions that run from it, as `owner/name:number`; packs of no version are not there. */
export function findNamesOfPacksAcrossTenants(
  query: SqlQuery,
  packDigests: readonly string[],
  maxNames: number,
): Promise<{ readonly packDigest: string; readonly names: readonly string[] }[]> {
  return query(
    `SELECT pack_digest AS "packDigest", array_agg(name ORDER BY place) AS names
     FROM (
       SELECT v.pack_digest, m.owner_slug || '/' || m.name || ':' || v.number AS name,
         row_number() OVER (PARTITION BY v.pack_digest ORDER BY v.created_at, v.id) AS place
       FROM versions v JOIN models m ON m.id = v.model_id
       WHERE v.pack_digest = ANY ($1)
     ) named
     WHERE place <= $2 GROUP BY pack_digest`,
    [packDigests, maxNames],
  );
}

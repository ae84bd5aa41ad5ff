/**
 * The version to run, its model, and what decides about access, as one statement reads them; remembered for a moment. Why a
 * revoked grant, a newer version and a moved alias count from the reply on: see `fresh-cache.ts`.
 */
import type { Transactions } from '../../database/index.js';
import type { RuntimeName } from '../../inference/index.js';
import type { Clock } from '../../lib/clock.js';
import { createFreshCache } from '../../lib/fresh-cache.js';
import { DEFAULT_SIGNATURE, type Signature } from '../../lib/tensor.js';
import { fullNameOf } from '../catalog/index.js';
import {
  entitlementFactsFromRow,
  entitlementFactsSql,
  type EntitlementFactsRow,
} from '../marketplace/index.js';
import {
  NEWEST_IN_SERVICE,
  refusalOfCall,
  servingEngine,
  signaturesFromJson,
  trialsFromJson,
  YANK_IN_FORCE_JOIN,
  type PinnedCallers,
} from '../versions/index.js';
import type { VersionReference } from './check-command.js';
import type { RunnableVersion } from './prediction.js';

export interface RunnableVersions {
  /** What the reference names now, at once if it is remembered; `null` when the tenant may not see it, or nothing is there. */
  find(tenantId: string, reference: VersionReference): RunnableVersion | Promise<RunnableVersion | null>;
}

/** How long another process's change may stay unknown here when its announcement is lost. */
const MAX_AGE_MS = 1_000;
/** Each holds a signature. */
const MAX_REMEMBERED = 2_000;

interface RunnableRow extends EntitlementFactsRow {
  readonly id: string;
  readonly number: number;
  readonly digest: string;
  readonly pack_digest: string;
  readonly runtime: RuntimeName;
  readonly batchable: boolean;
  readonly trials: unknown;
  readonly signature: Signature;
  readonly signatures: unknown;
  readonly model_id: string;
  readonly owner_slug: string;
  readonly name: string;
  readonly yank_reason: string | null;
  readonly yank_pinned_callers: PinnedCallers;
  readonly yanked_at: Date;
  readonly newest_in_service: number | null;
}

const RUNNABLE = `SELECT v.id, v.number, v.digest, v.pack_digest, v.runtime, v.batchable, v.trials, v.signature, v.signatures,
    v.model_id, m.owner_slug, m.name, ${entitlementFactsSql.columns},
    y.reason AS yank_reason, y.pinned_callers AS yank_pinned_callers, y.yanked_at,
    CASE WHEN y.id IS NOT NULL THEN ${NEWEST_IN_SERVICE} END AS newest_in_service
  FROM versions v JOIN models m ON m.id = v.model_id ${entitlementFactsSql.join('$1')} ${YANK_IN_FORCE_JOIN} WHERE`;

/** The newest version in service; the newest of all when none is, so that the caller hears of its yank. */
const NEWEST = `coalesce(${NEWEST_IN_SERVICE}, m.last_version_number)`;

export interface Serving {
  /** Engines that can serve here, in the operator's order. */
  readonly engines: readonly RuntimeName[];
  /** Where the pack of a version lies on this machine. */
  readonly packPath: (packDigest: string) => string;
}

export function createRunnableVersions(
  database: Transactions,
  clock: Clock,
  serving: Serving,
): RunnableVersions {
  const cache = createFreshCache<RunnableVersion>({
    maxEntries: MAX_REMEMBERED,
    maxAgeMs: MAX_AGE_MS,
    epoch: () => database.accessEpoch(),
    clock,
    endsAt: ({ facts }) => facts.grantEndsAt,
  });

  async function read(tenantId: string, reference: VersionReference): Promise<RunnableVersion | null> {
    const [condition, parameters] = whereOf(reference);
    const query = database.single({ tenantId });
    const [row] = await query<RunnableRow>(`${RUNNABLE} ${condition}`, [tenantId, ...parameters]);
    return row === undefined ? null : runnableFromRow(row, serving, isPinned(reference));
  }

  return Object.freeze({
    find: (tenantId: string, reference: VersionReference) =>
      cache.get(keyOf(tenantId, reference), () => read(tenantId, reference)),
  });
}

/** Ids and names hold neither space nor slash (see `parseTarget`), so no two questions share a key. */
function keyOf(tenantId: string, reference: VersionReference): string {
  if ('versionId' in reference) return `${tenantId} version ${reference.versionId}`;
  if ('alias' in reference) {
    const model =
      'modelId' in reference ? `model ${reference.modelId}` : `name ${reference.owner}/${reference.name}`;
    return `${tenantId} ${model} @${reference.alias}`;
  }
  if ('modelId' in reference) return `${tenantId} model ${reference.modelId}`;
  return `${tenantId} name ${reference.owner}/${reference.name} ${reference.number ?? 'newest'}`;
}

function whereOf(reference: VersionReference): [string, unknown[]] {
  if ('versionId' in reference) return ['v.id = $2', [reference.versionId]];
  if ('alias' in reference) {
    // In one statement, so what runs is one version: where the alias stood at one moment.
    return 'modelId' in reference
      ? [`m.id = $2 AND ${standsAt('$3')}`, [reference.modelId, reference.alias]]
      : [
          `m.owner_slug = $2 AND m.name = $3 AND ${standsAt('$4')}`,
          [reference.owner, reference.name, reference.alias],
        ];
  }
  if ('modelId' in reference) return [`m.id = $2 AND v.number = ${NEWEST}`, [reference.modelId]];
  const { owner, name, number } = reference;
  return [`m.owner_slug = $2 AND m.name = $3 AND v.number = coalesce($4, ${NEWEST})`, [owner, name, number]];
}

function standsAt(placeholder: string): string {
  return `v.id = (SELECT a.version_id FROM aliases a WHERE a.model_id = m.id AND a.name = ${placeholder})`;
}

/** Whether the reference names a version or an alias, and not the newest version. */
function isPinned(reference: VersionReference): boolean {
  return (
    'versionId' in reference || 'alias' in reference || ('number' in reference && reference.number !== null)
  );
}

function runnableFromRow(row: RunnableRow, { engines, packPath }: Serving, pinned: boolean): RunnableVersion {
  const [first, ...others] = signaturesFromJson(row.signatures, row);
  const trials = trialsFromJson(row.trials);
  const runtime = servingEngine({ runtime: row.runtime, trials }, engines);
  const artifact = {
    digest: row.pack_digest,
    path: packPath(row.pack_digest),
    runtime,
    batchable: row.batchable,
  };
  const modelName = fullNameOf({ ownerSlug: row.owner_slug, name: row.name });
  const yank = row.yank_reason === null ? null : { ...yankFromRow(row, row.yank_reason), modelName };
  const signatures = new Map<string, RunnableVersion>();
  const version: RunnableVersion = Object.freeze({
    id: row.id,
    number: row.number,
    digest: row.digest,
    artifact: Object.freeze(artifact),
    signature: row.signature,
    signatureName: first?.name ?? DEFAULT_SIGNATURE,
    signatures,
    modelId: row.model_id,
    modelName,
    measuredMs: trials.find((trial) => trial.runtime === runtime)?.computeMs ?? null,
    facts: entitlementFactsFromRow(row),
    yanked: yank === null ? null : refusalOfCall(yank, pinned),
  });
  signatures.set(version.signatureName, version);
  for (const { name, signature, batchable, computeMs = null } of others) {
    const called = Object.freeze({ ...artifact, batchable, signatureName: name });
    // What another signature takes says nothing about this one, and what is claimed too low is not charged.
    const own = { artifact: called, signature, signatureName: name, measuredMs: computeMs };
    signatures.set(name, Object.freeze({ ...version, ...own }));
  }
  return version;
}

function yankFromRow(row: RunnableRow, reason: string) {
  return {
    number: row.number,
    reason,
    pinnedCallers: row.yank_pinned_callers,
    since: row.yanked_at,
    useInstead: row.newest_in_service,
  };
}

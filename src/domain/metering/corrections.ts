/** Usage taken back or added later: new events of now, never a change of what was charged. */
import { createHash } from 'node:crypto';
import type { Transactions, Tx } from '../../database/index.js';
import { invalidInput } from '../../lib/invalid-input.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId, newId } from '../../lib/ids.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { tenantNotFound, type InvalidUsageInput, type QuotaNotFound } from './errors.js';
import { periodOf } from './quota.js';
import type { MeteringStore } from './store.js';

export interface UsageCorrection {
  readonly id: string;
  readonly kind: 'CORRECTION' | 'REFUND';
  readonly predictionId: string;
  readonly reason: string;
  /** What it adds to the prediction's charge, in each measure; negative: takes back. */
  readonly predictions: number;
  readonly rows: number;
  readonly bytes: number;
  readonly computeMs: number;
  readonly costMicros: number;
  /** ISO 4217; `null`: nothing was asked for the prediction. */
  readonly currency: string | null;
  readonly createdAt: Date;
}

export interface RefundInput {
  readonly tenantSlug: string;
  readonly predictionId: string;
  readonly reason: string;
}

export interface CorrectionInput extends RefundInput {
  readonly predictions?: number | null | undefined;
  readonly rows?: number | null | undefined;
  readonly bytes?: number | null | undefined;
  readonly computeMs?: number | null | undefined;
  readonly costMicros?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

export type CorrectionRefusal =
  | PermissionDenied
  | InvalidUsageInput
  | QuotaNotFound
  | Refusal<'CONFLICT'>
  | Refusal<'IDEMPOTENCY_MISMATCH'>;

interface Amounts {
  readonly predictions: number;
  readonly rows: number;
  readonly bytes: number;
  readonly computeUs: number;
  readonly costMicros: number;
}

interface Row {
  readonly outcome: 'DONE' | 'REPEATED' | 'NOT_FOUND' | 'TOO_MUCH' | 'NOTHING_LEFT' | 'NO_PRICE';
  readonly id: string;
  readonly kind: 'CORRECTION' | 'REFUND';
  readonly reason: string;
  readonly predictions: number;
  readonly rows: number;
  readonly bytes: number;
  readonly computeUs: number;
  readonly costMicros: number;
  readonly currency: string | null;
  readonly createdAt: Date;
}

const MAX_REASON = 500;
const MAX_KEY = 200;
/** Of rows and predictions, whose columns are 32 bits wide. */
const MAX_COUNT = 2_147_483_647;
const NOTHING: Amounts = { predictions: 0, rows: 0, bytes: 0, computeUs: 0, costMicros: 0 };

const CORRECT = `SELECT outcome, id, kind, reason, predictions::float8, rows::float8, bytes::float8,
    compute_us::float8 AS "computeUs", cost_micros::float8 AS "costMicros", currency, created_at AS "createdAt"
  FROM correct_usage($1, $2, $3, $4, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint, $10, $11, $12::timestamptz)`;

const READ = `SELECT id, kind, corrects_id AS "predictionId", reason, units::float8 AS predictions, rows::float8,
    bytes::float8, compute_us / 1000.0::float8 AS "computeMs", cost_micros::float8 AS "costMicros", currency,
    created_at AS "createdAt"
  FROM usage_events WHERE tenant_id = $1 AND corrects_id = ANY ($2) ORDER BY created_at, id`;

const TELL = 'SELECT raise_thresholds_of($1, $2, $3::timestamptz, $4::timestamptz)::text AS told';

interface CorrectionsDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly store: Pick<MeteringStore, 'findTenantIdBySlugAcrossTenants'>;
}

export function createCorrections({ database, clock, audit, store }: CorrectionsDeps) {
  async function write(
    actor: TenantActor,
    input: RefundInput,
    kind: 'CORRECTION' | 'REFUND',
    amounts: Amounts,
    key: string | null,
  ): Promise<Result<UsageCorrection, CorrectionRefusal>> {
    const { tenantSlug, predictionId } = input;
    const reason = input.reason.trim();
    if (!mayBeId(tenantSlug)) return refuse(tenantNotFound(['tenantSlug']));
    if (!mayBeId(predictionId)) return refuse(predictionNotFound());
    const tenantId = await database.transaction({ acrossTenants: true }, (tx) =>
      store.findTenantIdBySlugAcrossTenants(tx, tenantSlug),
    );
    if (tenantId === null) return refuse(tenantNotFound(['tenantSlug']));
    const id = key === null ? newId('usageEvent') : idOfKey(predictionId, key);
    // Inside the tenant whose usage it is; across tenants, because the audit event is the operator's.
    return database.transaction<Result<UsageCorrection, CorrectionRefusal>>(
      { tenantId, acrossTenants: true },
      async (tx: Tx) => {
        const { predictions, rows, bytes, computeUs, costMicros } = amounts;
        const [row] = await tx.$queryRawUnsafe<Row[]>(
          CORRECT,
          ...[id, tenantId, predictionId, kind],
          ...[predictions, rows, bytes, computeUs, costMicros].map(BigInt),
          ...[reason, actor.requestId, clock.now()],
        );
        if (row === undefined) throw new Error('A correction has an outcome.');
        if (row.outcome === 'REPEATED') {
          return isSame(row, amounts, reason) ? ok(toCorrection(row, predictionId)) : refuse(otherRequest());
        }
        if (row.outcome !== 'DONE') return refuse(refusalOf(row));
        const correction = toCorrection(row, predictionId);
        if (Object.values(amounts).some((amount) => amount > 0)) {
          const { createdAt } = correction;
          await tx.$queryRawUnsafe(TELL, tenantId, id, periodOf(createdAt).start, createdAt);
        }
        await audit.record(tx, actor, {
          action: kind === 'REFUND' ? 'refundUsage' : 'correctUsage',
          subjectId: predictionId,
          details: { tenantSlug, reason, predictions: row.predictions, costMicros: row.costMicros },
        });
        return ok(correction);
      },
    );
  }

  return Object.freeze({
    /** Takes back all that is left of a prediction's charge. Needs PLATFORM_OPERATE. */
    async refundUsage(
      actor: TenantActor,
      input: RefundInput,
    ): Promise<Result<UsageCorrection, CorrectionRefusal>> {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      const mistake = checkText('reason', input.reason.trim(), MAX_REASON);
      return mistake === null ? write(actor, input, 'REFUND', NOTHING, null) : refuse(mistake);
    },

    /**
     * Adds signed amounts to a prediction's charge, never taking more than is left of it. The same `idempotencyKey` for
     * the same prediction is done once. Needs PLATFORM_OPERATE.
     */
    async correctUsage(
      actor: TenantActor,
      input: CorrectionInput,
    ): Promise<Result<UsageCorrection, CorrectionRefusal>> {
      if (!can(actor, 'PLATFORM_OPERATE')) return refuse(permissionDenied(actor, 'PLATFORM_OPERATE'));
      const key = input.idempotencyKey ?? null;
      const mistake =
        checkText('reason', input.reason.trim(), MAX_REASON) ??
        (key === null ? null : checkText('idempotencyKey', key, MAX_KEY));
      if (mistake !== null) return refuse(mistake);
      const amounts = checkAmounts(input);
      return amounts.ok ? write(actor, input, 'CORRECTION', amounts.value, key) : amounts;
    },

    /** Of each prediction, in the order of the ids: what was corrected, the oldest first; `null` when nothing was. */
    async getCorrectionsByPredictionIds(
      actor: TenantActor,
      predictionIds: readonly string[],
    ): Promise<(readonly UsageCorrection[] | null)[]> {
      if (!can(actor, 'USAGE_READ')) return predictionIds.map(() => null);
      const rows = await database.single({ tenantId: actor.tenantId })<UsageCorrection>(READ, [
        actor.tenantId,
        predictionIds,
      ]);
      return predictionIds.map((id) => {
        const found = rows.filter(({ predictionId }) => predictionId === id);
        return found.length === 0 ? null : found;
      });
    },
  });
}

/** A repetition finds its event by this id, in whatever month it comes. */
function idOfKey(predictionId: string, key: string): string {
  const digest = createHash('sha256').update(`${predictionId}\n${key}`).digest('hex');
  return `use_${digest.slice(0, 32)}`;
}

function checkAmounts(input: CorrectionInput): Result<Amounts, InvalidUsageInput> {
  const amounts = {
    predictions: input.predictions ?? 0,
    rows: input.rows ?? 0,
    bytes: input.bytes ?? 0,
    computeUs: Math.round((input.computeMs ?? 0) * 1000),
    costMicros: input.costMicros ?? 0,
  };
  for (const [name, amount] of Object.entries(amounts)) {
    const most = name === 'predictions' || name === 'rows' ? MAX_COUNT : Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(amount) || Math.abs(amount) > most) {
      const path = name === 'computeUs' ? 'computeMs' : name;
      return refuse(invalidInput([path], `${path} is a whole number from -${most} to ${most}.`));
    }
  }
  if (Object.values(amounts).every((amount) => amount === 0)) {
    return refuse(invalidInput(['predictions'], 'Give at least one amount that is not 0.'));
  }
  return ok(amounts);
}

function checkText(name: string, text: string, most: number): InvalidUsageInput | null {
  if (text.length === 0 || text.length > most) {
    return invalidInput([name], `${name} has from 1 to ${most} characters; found ${text.length}.`);
  }
  return /[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)
    ? invalidInput([name], `${name} is one line without control characters.`)
    : null;
}

function isSame(row: Row, amounts: Amounts, reason: string): boolean {
  return (
    row.kind === 'CORRECTION' &&
    row.reason === reason &&
    row.predictions === amounts.predictions &&
    row.rows === amounts.rows &&
    row.bytes === amounts.bytes &&
    row.computeUs === amounts.computeUs &&
    row.costMicros === amounts.costMicros
  );
}

function toCorrection({ outcome: _, computeUs, ...row }: Row, predictionId: string): UsageCorrection {
  return { ...row, predictionId, computeMs: computeUs / 1000 };
}

function refusalOf(row: Row): CorrectionRefusal {
  const { outcome, predictions, rows, bytes, computeUs, costMicros } = row;
  if (outcome === 'NOT_FOUND') return predictionNotFound();
  if (outcome === 'NO_PRICE') return invalidInput(['costMicros'], 'Nothing was asked for this prediction.');
  if (outcome === 'NOTHING_LEFT') {
    return { code: 'CONFLICT', message: 'All of this prediction was taken back already.' };
  }
  return {
    code: 'CONFLICT',
    message:
      `That takes back more than is left of the prediction: ${predictions} predictions, ${rows} rows, ${bytes} bytes, ` +
      `${computeUs / 1000} ms of compute and ${costMicros} micros.`,
  };
}

function predictionNotFound(): QuotaNotFound {
  return { code: 'NOT_FOUND', message: 'The tenant has no such prediction.', path: ['predictionId'] };
}

function otherRequest(): Refusal<'IDEMPOTENCY_MISMATCH'> {
  return {
    code: 'IDEMPOTENCY_MISMATCH',
    message: 'This idempotency key was used for another correction of the prediction.',
    path: ['idempotencyKey'],
  };
}

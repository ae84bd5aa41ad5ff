/** Limits as they are set and read. */
import type { Transactions, Tx } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Enforcement, LimitWindow } from './limit.js';
import type { Measure } from './measures.js';
import type { QuotaSubject } from './quota.js';

/** Which limit: no two have the same place. */
export interface LimitPlace {
  readonly subject: QuotaSubject;
  readonly subjectId: string;
  readonly modelId: string | null;
  readonly measure: Measure;
  readonly window: LimitWindow;
  readonly currency: string | null;
}

export interface Limit extends LimitPlace {
  readonly id: string;
  readonly amount: number;
  readonly enforcement: Enforcement;
}

/** How a limit stands; counted as the database counts (compute in microseconds). */
export interface LimitStanding extends Limit {
  readonly windowStart: Date;
  readonly used: number;
  readonly reserved: number;
  /** MINUTE only. */
  readonly level: number;
}

/** That a limit was used by so many per cent; once in each window. */
export interface ThresholdEvent extends LimitPlace {
  readonly limitId: string;
  /** `null`: the window has no beginning. */
  readonly periodStart: Date | null;
  readonly percent: number;
  readonly amount: number;
  readonly used: number;
  readonly raisedAt: Date;
}

/** As `Limit`, but for the enforcement. */
export const LIMIT_COLUMNS = `q.id, q.subject, q.subject_id AS "subjectId", q.model_id AS "modelId", q.measure, q.span AS "window",
  q.currency, q.amount::float8 AS amount`;

export function createLimitStore(database: Transactions) {
  return Object.freeze({
    listLimits(tenantId: string, apiKeyId: string | null): Promise<Limit[]> {
      return database.single({ tenantId })<Limit>(
        `SELECT ${LIMIT_COLUMNS}, q.enforcement FROM quota_limits q
         WHERE q.tenant_id = $1 AND ($2::text IS NULL OR (q.subject = 'API_KEY' AND q.subject_id = $2))
         ORDER BY array_position(ARRAY['TENANT', 'SUBSCRIPTION', 'API_KEY'], q.subject), q.subject_id, q.id`,
        [tenantId, apiKeyId],
      );
    },

    /** The newest first. */
    listThresholdEvents(tenantId: string, page: PageRequest): Promise<ThresholdEvent[]> {
      const [raisedAt = null, limitId = null, percent = null] = page.after ?? [];
      return database.single({ tenantId })<ThresholdEvent>(
        `SELECT q.limit_id AS "limitId", CASE WHEN q.span IN ('DAY', 'MONTH') THEN q.window_start END AS "periodStart", q.percent, q.subject,
           q.subject_id AS "subjectId", q.model_id AS "modelId", q.measure, q.span AS "window", q.currency,
           q.amount::float8 AS amount, q.used::float8 AS used, q.raised_at AS "raisedAt"
         FROM quota_threshold_events q
         WHERE q.tenant_id = $1
           AND ($2::timestamptz IS NULL OR (q.raised_at, q.limit_id, q.percent) < ($2, $3::text, $4::int))
         ORDER BY q.raised_at DESC, q.limit_id DESC, q.percent DESC LIMIT $5`,
        [tenantId, raisedAt, limitId, percent, page.first + 1],
      );
    },

    async hasApiKey(tx: Tx, tenantId: string, apiKeyId: string): Promise<boolean> {
      return (await tx.apiKey.count({ where: { id: apiKeyId, tenantId } })) > 0;
    },

    /** Whether the tenant of the transaction may see it. */
    async seesModel(tx: Tx, modelId: string): Promise<boolean> {
      return (await tx.model.count({ where: { id: modelId } })) > 0;
    },

    /** The predictions a month of a plan or key: the column that the short ways set, and the limit with it. */
    async setMonthly(
      tx: Tx,
      tenantId: string,
      place: LimitPlace,
      amount: number | null,
      now: Date,
    ): Promise<void> {
      const predictionsPerMonth = amount === null ? null : BigInt(amount);
      if (place.subject === 'TENANT') {
        const facts = { predictionsPerMonth, updatedAt: now };
        await tx.tenantPlan.upsert({ where: { tenantId }, create: { tenantId, ...facts }, update: facts });
      } else {
        await tx.apiKey.updateMany({
          where: { id: place.subjectId, tenantId },
          data: { predictionsPerMonth },
        });
      }
    },

    async put(tx: Tx, tenantId: string, limit: Limit, now: Date): Promise<void> {
      const { id, subject, subjectId, modelId, measure, window, currency, amount, enforcement } = limit;
      await tx.$executeRaw`
        INSERT INTO quota_limits (id, tenant_id, subject, subject_id, model_id, measure, span, currency, amount,
          enforcement, created_at, updated_at)
        VALUES (${id}, ${tenantId}, ${subject}, ${subjectId}, ${modelId}, ${measure}, ${window}, ${currency},
          ${BigInt(amount)}, ${enforcement}, ${now}, ${now})
        ON CONFLICT ON CONSTRAINT quota_limits_place
        DO UPDATE SET amount = excluded.amount, enforcement = excluded.enforcement, updated_at = excluded.updated_at`;
    },

    /** `false`: there is none. */
    async remove(tx: Tx, tenantId: string, place: LimitPlace): Promise<boolean> {
      const { subject, subjectId, modelId, measure, window, currency } = place;
      const { count } = await tx.quotaLimit.deleteMany({
        where: { tenantId, subject, subjectId, modelId, measure, span: window, currency },
      });
      return count > 0;
    },

    async find(tx: Tx, tenantId: string, place: LimitPlace): Promise<Limit | null> {
      const { subject, subjectId, modelId, measure, window, currency } = place;
      const row = await tx.quotaLimit.findFirst({
        where: { tenantId, subject, subjectId, modelId, measure, span: window, currency },
      });
      if (row === null) return null;
      return {
        ...place,
        id: row.id,
        amount: Number(row.amount),
        enforcement: row.enforcement as Enforcement,
      };
    },
  });
}

export type LimitStore = ReturnType<typeof createLimitStore>;

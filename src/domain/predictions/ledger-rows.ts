/** Predictions as the ledger shows them, with what is kept of their answers. */
import type { SqlQuery, Transactions } from '../../database/index.js';
import type { PageRequest } from '../../lib/page.js';
import type { Tensor } from '../../lib/tensor.js';
import { decodeOutputs } from './kept-outputs.js';
import type { Prediction, Receipt } from './prediction.js';

export interface PredictionFilter {
  readonly modelId?: string | null | undefined;
  readonly versionId?: string | null | undefined;
  readonly apiKeyId?: string | null | undefined;
  readonly requestId?: string | null | undefined;
}

interface Row extends Omit<Receipt, 'replayed' | 'remaining' | 'cost'> {
  readonly id: string;
  readonly createdAt: Date;
  readonly hasKeptOutputs: boolean;
  readonly costMicros: string;
  readonly currency: string | null;
}

const SELECT = `SELECT u.id, u.version_id AS "versionId", u.created_at AS "createdAt",
    (r.outputs IS NOT NULL) AS "hasKeptOutputs", u.request_id AS "requestId", u.model_name AS model,
    u.version_number AS "versionNumber", u.digest AS sha256, u.alias, u.runtime, u.worker, u.batch_size AS "batchSize",
    greatest(u.batch_rows, u.rows) AS "batchRows", u.rows, u.queue_ms AS "queueMs", u.batch_ms AS "batchMs", u.load_ms AS "loadMs", u.compute_ms AS "computeMs", u.units AS charged,
    u.cost_micros::text AS "costMicros", u.currency
  FROM usage_ledger u
  LEFT JOIN idempotency_records r ON r.prediction_id = u.id AND r.tenant_id = u.tenant_id
  WHERE u.tenant_id = $1 AND u.kind = 'PREDICTION'`;

function fromRow({ id, createdAt, hasKeptOutputs, costMicros, currency, ...facts }: Row): Prediction {
  const { versionId } = facts;
  const cost = currency === null ? null : { amountMicros: Number(costMicros), currency };
  const receipt = { ...facts, cost, replayed: false, remaining: null };
  return { id, versionId, outputs: null, hasKeptOutputs, limits: null, receipt, createdAt };
}

/** Inside a transaction of the tenant. */
export async function findById(query: SqlQuery, tenantId: string, id: string): Promise<Prediction | null> {
  const [row] = await query<Row>(`${SELECT} AND u.id = $2`, [tenantId, id]);
  return row === undefined ? null : fromRow(row);
}

/** What was kept of an answer. Inside a transaction of the tenant. */
export async function findKeptOutputs(
  query: SqlQuery,
  tenantId: string,
  predictionId: string,
): Promise<readonly Tensor[] | null> {
  const [row] = await query<{ outputs: Uint8Array | null }>(
    'SELECT outputs FROM idempotency_records WHERE tenant_id = $1 AND prediction_id = $2',
    [tenantId, predictionId],
  );
  const outputs = row?.outputs ?? null;
  return outputs === null ? null : decodeOutputs(outputs);
}

export function createLedgerReads(database: Transactions) {
  return Object.freeze({
    /** In no order; those of other tenants are not there. */
    getByIds(tenantId: string, ids: readonly string[]): Promise<Prediction[]> {
      return database.sql({ tenantId }, async (query) =>
        (await query<Row>(`${SELECT} AND u.id = ANY ($2)`, [tenantId, ids])).map(fromRow),
      );
    },

    /** Newest first, one more than asked for. */
    list(tenantId: string, filter: PredictionFilter, page: PageRequest): Promise<Prediction[]> {
      const [createdAt = null, id = null] = page.after ?? [];
      return database.sql({ tenantId }, async (query) => {
        const rows = await query<Row>(
          `${SELECT}
             AND ($2::text IS NULL OR u.model_id = $2) AND ($3::text IS NULL OR u.version_id = $3)
             AND ($4::text IS NULL OR u.api_key_id = $4) AND ($5::text IS NULL OR u.request_id = $5)
             AND ($6::timestamptz IS NULL OR (u.created_at, u.id) < ($6, $7))
           ORDER BY u.created_at DESC, u.id DESC LIMIT $8`,
          [
            tenantId,
            filter.modelId ?? null,
            filter.versionId ?? null,
            filter.apiKeyId ?? null,
            filter.requestId ?? null,
            createdAt,
            id,
            page.first + 1,
          ],
        );
        return rows.map(fromRow);
      });
    },

    findKeptOutputs(tenantId: string, predictionId: string): Promise<readonly Tensor[] | null> {
      return database.sql({ tenantId }, (query) => findKeptOutputs(query, tenantId, predictionId));
    },
  });
}

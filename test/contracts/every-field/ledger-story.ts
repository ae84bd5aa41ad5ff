/** The ledger's upkeep: a priced prediction that is corrected and refunded, wrong sums that are found and mended. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { expect } from 'vitest';
import type { Client } from './client.js';

interface Setting {
  readonly operator: string;
  readonly owner: string;
  readonly tenantSlug: string;
  readonly predictionId: string | undefined;
}

export async function keepLedger(client: Client, dataDirectory: string, setting: Setting): Promise<void> {
  const { operator, owner, tenantSlug } = setting;
  const database = await connectAsOwner(dataDirectory);
  const id = 'prd_00000000000000000000000001';
  try {
    await database.query(`CREATE TEMP TABLE priced AS SELECT * FROM usage_ledger WHERE id = $1`, [
      setting.predictionId,
    ]);
    await database.query(
      `UPDATE priced SET id = $1, cost_micros = 1000, currency = 'EUR', subscription_id = 'sub_1', alias = NULL`,
      [id],
    );
    await database.query('INSERT INTO usage_events SELECT * FROM priced');
    // Sums of nothing, and a month whose events are gone.
    await database.query(
      `WITH series AS (
         INSERT INTO usage_series (tenant_id, api_key_id, owner_tenant_id, model_id, model_name, version_id, version_number, kind)
         VALUES ('ten_x', 'key_x', 'ten_x', 'mdl_x', 'x/m', 'ver_x', 1, 'PREDICTION') RETURNING id
       )
       INSERT INTO usage_hours (series_id, period_start, tenant_id, predictions, rows, bytes, compute_us, cost_micros)
       SELECT id, '2001-02-03T04:00Z', 'ten_x', 1, 1, 1, 1, 1 FROM series`,
    );
    await database.query(`INSERT INTO usage_retired_months VALUES ('2001-01-01Z', 1, now())`);
  } finally {
    await database.end();
  }
  const range = '(range: { from: "2001-01-01T00:00:00Z", to: "2001-03-01T00:00:00Z" })';
  const wrong = await client.query('checkUsageRollups', operator, range);
  expect(wrong.differences).toMatchObject([{ granularity: 'HOUR', tenantId: 'ten_x', events: { rows: 0 } }]);
  expect(wrong.retiredMonths).toEqual(['2001-01-01T00:00:00.000Z']);
  await client.done('rebuildUsageRollups', operator, { month: '2001-02-28T23:59:59Z' });
  expect((await client.query('checkUsageRollups', operator, range)).differences).toEqual([]);
  const gone = await client.refused('rebuildUsageRollups', operator, { month: '2001-01-01T00:00:00Z' });
  expect(gone).toMatchObject([{ code: 'CONFLICT', path: ['month'] }]);

  const now = new Date().toISOString();
  expect((await client.done('rebuildUsageRollups', operator, { month: now })).events).toBeGreaterThan(1);
  const usage = await client.query('usage', owner, '(groupBy: [MODEL])');
  expect(usage.total.cost).toMatchObject([{ amountMicros: 1000, currency: 'EUR' }]);
  await client.query('usage', owner);
  const dimensions = client.valuesOf('UsageDimension');
  for (const dimension of dimensions) await client.query('usage', owner, `(groupBy: [${dimension}])`);
  for (const granularity of client.valuesOf('UsageGranularity')) {
    await client.query('usage', owner, `(groupBy: [${dimensions.join(', ')}], granularity: ${granularity})`);
  }

  const on = { tenantSlug, predictionId: id, reason: 'It was measured wrongly.' };
  const amounts = {
    predictions: 0,
    rows: 1,
    bytes: 2,
    computeMs: -0.001,
    costMicros: -400,
    idempotencyKey: 'k',
  };
  const { correction } = await client.done('correctUsage', operator, { ...on, ...amounts });
  expect(correction).toMatchObject({ kind: 'CORRECTION', rows: 1, costMicros: -400, currency: 'EUR' });
  const { correction: refund } = await client.done('refundUsage', operator, on);
  expect(refund).toMatchObject({ kind: 'REFUND', predictions: -1, costMicros: -600 });
  expect((await client.refused('refundUsage', operator, on))[0]).toMatchObject({ code: 'CONFLICT' });
  const nothingLeft = await client.refused('correctUsage', operator, { ...on, rows: -1 });
  expect(nothingLeft[0]).toMatchObject({ code: 'CONFLICT' });
  expect((await client.query('prediction', owner, `(id: "${id}")`)).corrections).toEqual([
    correction,
    refund,
  ]);
}

async function connectAsOwner(dataDirectory: string): Promise<pg.Client> {
  const password = readFileSync(`${dataDirectory}/postgres.password`, 'utf8').trim();
  const port = Number(readFileSync(`${dataDirectory}/postgres/postmaster.pid`, 'utf8').split('\n')[3]);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'souk', password, database: 'souk' });
  await client.connect();
  return client;
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.js';
import { refuse } from '../../../src/lib/result.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';

let test: TestDatabase;
const acme = newId('tenant');
const rival = newId('tenant');

beforeAll(async () => {
  // Two connections, so that every one serves both tenants again and again.
  test = await createTestDatabase({ maxConnections: 2 });
  for (const [id, slug] of [
    [acme, 'acme'],
    [rival, 'rival'],
  ] as const) {
    await test.database.transaction({ tenantId: id }, (tx) =>
      tx.tenant.create({ data: { id, slug, name: slug } }),
    );
    await test.asOwner('INSERT INTO tenant_plans (tenant_id, predictions_per_month) VALUES ($1, $2)', [
      id,
      7,
    ]);
  }
});

afterAll(() => test?.stop());

const plansBySql = (tenantId: string | undefined) =>
  test.database.sql({ tenantId }, (query) =>
    query<{ tenant_id: string }>('SELECT tenant_id FROM tenant_plans', []),
  );

describe('transactions', () => {
  it('sees exactly the rows of the tenant that it acts for', async () => {
    expect(await plansBySql(acme)).toEqual([{ tenant_id: acme }]);
    expect(await plansBySql(undefined)).toEqual([]);
    const plans = await test.database.transaction({ tenantId: rival }, (tx) => tx.tenantPlan.findMany());
    expect(plans.map((plan) => plan.tenantId)).toEqual([rival]);
    const all = await test.database.transaction({ acrossTenants: true }, (tx) => tx.tenantPlan.findMany());
    expect(all).toHaveLength(2);
  });

  it('never shows a row of another tenant, however transactions, errors and rollbacks interleave', async () => {
    const attempts = Array.from({ length: 400 }, async (_unused, i) => {
      const tenantId = i % 2 === 0 ? acme : rival;
      const isPrisma = i % 3 === 0;
      const seen = isPrisma
        ? await test.database.transaction({ tenantId }, async (tx) => {
            const rows = await tx.tenantPlan.findMany();
            if (i % 5 === 0) await tx.$executeRawUnsafe('SELECT 1 / 0').catch(() => undefined);
            if (i % 7 === 0) throw new Error('planned');
            return rows.map((row) => row.tenantId);
          })
        : await test.database.sql({ tenantId }, async (query) => {
            const rows = await query<{ tenant_id: string }>('SELECT tenant_id FROM tenant_plans', []);
            if (i % 5 === 0) await query('SELECT 1 / 0', []).catch(() => undefined);
            if (i % 7 === 0) throw new Error('planned');
            return rows.map((row) => row.tenant_id);
          });
      expect(seen).toEqual([tenantId]);
      return true;
    });
    const outcomes = await Promise.allSettled(attempts);
    const wrong = outcomes.filter(
      (outcome) => outcome.status === 'rejected' && !/planned|transaction/.test(String(outcome.reason)),
    );
    expect(wrong).toEqual([]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled').length).toBeGreaterThan(250);
    expect(await plansBySql(undefined)).toEqual([]);
  });

  it('leaves no context on the connection after it has ended', async () => {
    const settings = await test.database.sql(
      { tenantId: acme, userId: 'u', proof: 'p', acrossTenants: true },
      (query) =>
        // Ends the transaction under the hands of `sql`, to look at the bare connection.
        query('COMMIT', []).then(() =>
          query<{ context: string; role: string }>(
            `SELECT concat(current_setting('app.tenant_id', true), current_setting('app.user_id', true),
            current_setting('app.proof', true), current_setting('app.across_tenants', true)) AS context,
            current_user AS role`,
            [],
          ),
        ),
    );
    expect(settings).toEqual([{ context: '', role: 'souk_app' }]);
  });

  it.each(['transaction', 'sql'] as const)('rolls back a refusal and returns it (%s)', async (way) => {
    const refusal = refuse({ code: 'CONFLICT', message: 'No.' });
    const answer =
      way === 'transaction'
        ? await test.database.transaction({ tenantId: acme }, async (tx) => {
            await tx.tenantPlan.update({ where: { tenantId: acme }, data: { predictionsPerMonth: 99 } });
            return refusal;
          })
        : await test.database.sql({ tenantId: acme }, async (query) => {
            await query('UPDATE tenant_plans SET predictions_per_month = 99 WHERE tenant_id = $1', [acme]);
            return refusal;
          });
    expect(answer).toBe(refusal);
    const plans = await test.database.transaction({ tenantId: acme }, (tx) => tx.tenantPlan.findMany());
    expect(plans[0]?.predictionsPerMonth).toBe(7n);
  });

  it('tries deadlocked transactions again until each has happened once', async () => {
    const rows = ['first', 'second'].map((slug) => ({ id: newId('tenant'), slug }));
    for (const { id, slug } of rows) {
      await test.asOwner('INSERT INTO tenants (id, slug, name) VALUES ($1, $2, $2)', [id, slug]);
      await test.asOwner('INSERT INTO tenant_plans (tenant_id, predictions_per_month) VALUES ($1, 0)', [id]);
    }
    let met = 0;
    let bothHold: () => void = () => undefined;
    const meeting = new Promise<void>((resolve) => (bothHold = resolve));
    const increaseBoth = (order: readonly { id: string }[]) => {
      let attempt = 0;
      return test.database.sql({ acrossTenants: true }, async (query) => {
        const [one, two] = order;
        const increase = `UPDATE tenant_plans SET predictions_per_month = predictions_per_month + 1 WHERE tenant_id = $1`;
        await query(increase, [one?.id]);
        if (attempt++ === 0) {
          if (++met === 2) bothHold();
          await meeting;
        }
        await query(increase, [two?.id]);
      });
    };
    await Promise.all([increaseBoth(rows), increaseBoth([...rows].reverse())]);
    const plans = await test.asOwner<{ n: number }>(
      'SELECT predictions_per_month::int AS n FROM tenant_plans WHERE tenant_id = ANY($1)',
      [rows.map(({ id }) => id)],
    );
    expect(plans).toEqual([{ n: 2 }, { n: 2 }]);
  });

  it('serves a third caller after a moment while both connections are held, or fails within the time limit', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const holders = [1, 2].map(() => test.database.sql({}, () => held));
    const startedAt = performance.now();
    await expect(plansBySql(acme)).rejects.toThrow(/timeout/);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    release();
    await Promise.all(holders);
    expect(await plansBySql(acme)).toHaveLength(1);
  });
});

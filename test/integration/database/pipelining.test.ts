/**
 * A transaction's opening, its first statement and (with `single`) its end leave in one write, so a failure meets
 * statements that are already on their way. Whatever fails: the error arrives, nothing of it stays, and the next user
 * of the connection starts clean. One connection, so that the next user is on the same one unless it was closed.
 */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isDatabaseUnavailable } from '../../../src/database/index.js';
import { newId } from '../../../src/lib/ids.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';

let test: TestDatabase;
// Not `asOwner`, which waits for the application's one connection, so until it is too late to strike.
let striker: pg.Client;
const acme = newId('tenant');
const rival = newId('tenant');
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', note);
  test = await createTestDatabase({ maxConnections: 1, statementTimeoutMs: 700 });
  striker = new pg.Client({ connectionString: test.url });
  await striker.connect();
  for (const [id, slug] of [
    [acme, 'acme'],
    [rival, 'rival'],
  ]) {
    await test.asOwner('INSERT INTO tenants (id, slug, name) VALUES ($1, $2, $2)', [id, slug]);
    await test.asOwner('INSERT INTO tenant_plans (tenant_id, predictions_per_month) VALUES ($1, 7)', [id]);
  }
});
afterAll(async () => {
  await striker.end();
  await test.stop();
  process.off('unhandledRejection', note);
});

const CHANGE = 'UPDATE tenant_plans SET predictions_per_month = 99 WHERE tenant_id = $1 RETURNING tenant_id';
const MINE = 'SELECT tenant_id AS id, predictions_per_month::int AS n FROM tenant_plans';
const SESSION = `SELECT concat(current_setting('app.tenant_id', true), current_setting('app.user_id', true),
  current_setting('app.proof', true), current_setting('app.across_tenants', true)) AS context,
  current_user::text AS role, pg_backend_pid() AS pid`;

async function backend(): Promise<number> {
  const [row] = await test.database.single({})<{ pid: number }>(SESSION, []);
  return row!.pid;
}

/** Terminates or cancels the application's backend as soon as it runs or holds `what`. */
async function strike(how: 'terminate' | 'cancel', what: string): Promise<void> {
  await until(async () => {
    const { rowCount } = await striker.query(
      `SELECT pg_${how}_backend(pid) AS done FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'souk' AND (query LIKE $1 OR state = $1)`,
      [what],
    );
    return rowCount !== 0;
  });
}

async function failureOf(work: () => Promise<unknown>): Promise<{ code?: string; message: string }> {
  return work().then(
    () => expect.fail('It did not fail.'),
    (error: unknown) => error as { code?: string; message: string },
  );
}

/** After every test: no context, no open transaction, nothing changed, everything usable, no error unheard. */
afterEach(async () => {
  for (const round of [1, 2]) {
    const [bare] = await test.database.single({})<{ context: string; role: string }>(SESSION, []);
    expect(bare, `round ${round}`).toMatchObject({ context: '', role: 'souk_app' });
    expect(await test.database.single({})(MINE, [])).toEqual([]);
    expect(await test.database.single({ tenantId: rival })(MINE, [])).toEqual([{ id: rival, n: 7 }]);
    expect(await test.database.sql({ tenantId: acme }, (query) => query(MINE, []))).toEqual([
      { id: acme, n: 7 },
    ]);
    const plans = await test.database.transaction({ tenantId: rival }, (tx) => tx.tenantPlan.findMany());
    expect(plans.map(({ tenantId }) => tenantId)).toEqual([rival]);
  }
  const left = await test.asOwner(
    `SELECT pid, state, query FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'souk' AND state <> 'idle'`,
  );
  expect(left).toEqual([]);
  const connections = await test.asOwner(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'souk'`,
  );
  expect(connections.length).toBeLessThanOrEqual(1);
  expect(unhandled.splice(0)).toEqual([]);
});

const context = { tenantId: acme };
// Text that Postgres does not take as a parameter, so that the opening itself is refused.
const badContext = { tenantId: 'a\u0000b' };

describe('a statement that fails', () => {
  it.each([
    ['in its parameters', 'SELECT $1::int', ['x'], '22P02'],
    ['in its text', 'SELECT FROM WHERE', [], '42601'],
    ['while it runs', 'SELECT 1 / $1::int', [0], '22012'],
    [
      'against a rule',
      'UPDATE tenant_plans SET predictions_per_month = -1 WHERE tenant_id = $1',
      [acme],
      '23514',
    ],
    ['for want of a right', 'DELETE FROM tenant_plans WHERE tenant_id = $1', [acme], '42501'],
  ])('%s gives its own error and keeps the connection', async (_where, text, parameters, code) => {
    const before = await backend();
    for (let time = 0; time < 3; time++) {
      const single = await failureOf(() => test.database.single(context)(text, parameters));
      expect(single.code).toBe(code);
      const first = await failureOf(() => test.database.sql(context, (query) => query(text, parameters)));
      expect(first.code).toBe(code);
      const second = await failureOf(() =>
        test.database.sql(context, async (query) => {
          expect(await query(CHANGE, [acme])).toHaveLength(1);
          return query(text, parameters);
        }),
      );
      expect(second.code).toBe(code);
    }
    expect(await backend()).toBe(before);
  });

  it('among several that were sent together fails them all', async () => {
    const error = await failureOf(() =>
      test.database.sql(context, (query) =>
        Promise.all([query(CHANGE, [acme]), query('SELECT 1 / 0', []), query(CHANGE, [acme])]),
      ),
    );
    expect(error.code).toBe('22012');
  });

  it('and is passed over by the caller does not let the caller believe that the rest was committed', async () => {
    const error = await failureOf(() =>
      test.database.sql(context, async (query) => {
        await query(CHANGE, [acme]);
        await query('SELECT 1 / 0', []).catch(() => undefined);
        return 'done';
      }),
    );
    expect(error.message).toMatch(/rolled back/);
  });
});

describe('an opening that fails', () => {
  it('fails the statement behind it, which sees and changes nothing', async () => {
    const before = await backend();
    const single = await failureOf(() => test.database.single(badContext)(CHANGE, [acme]));
    expect(single.code).toBe('22021');
    let seen: unknown = 'nothing';
    const error = await failureOf(() =>
      test.database.sql(badContext, async (query) => {
        seen = await query(CHANGE, [acme]);
        return seen;
      }),
    );
    expect(error.code).toBe('22021');
    expect(seen).toBe('nothing');
    expect((await failureOf(() => test.database.sql(badContext, () => Promise.resolve('quiet')))).code).toBe(
      '22021',
    );
    expect(await backend()).toBe(before);
  });
});

describe('work that throws', () => {
  it.each([
    [
      'at once',
      () => {
        throw new Error('planned');
      },
    ],
    ['at once, over an opening that fails too', null],
  ] as const)('%s ends its transaction, and its error is the one that arrives', async (_when, work) => {
    const throws =
      work ??
      (() => {
        throw new Error('planned');
      });
    const error = await failureOf(() => test.database.sql(work === null ? badContext : context, throws));
    expect(error.message).toMatch(work === null ? /planned|invalid byte/ : /planned/);
  });

  it('after a change rolls the change back', async () => {
    const error = await failureOf(() =>
      test.database.sql(context, async (query) => {
        await query(CHANGE, [acme]);
        throw new Error('planned');
      }),
    );
    expect(error.message).toBe('planned');
  });
});

describe('a connection that is struck', () => {
  it.each(['single', 'sql'] as const)('cancelled in a statement: an error to retry (%s)', async (way) => {
    const slow = 'SELECT pg_sleep(0.5)';
    const work = failureOf(() =>
      way === 'single'
        ? test.database.single(context)(slow, [])
        : test.database.sql(context, async (query) => {
            await query(CHANGE, [acme]);
            return query(slow, []);
          }),
    );
    await strike('cancel', '%pg_sleep(0.5)%');
    expect(isDatabaseUnavailable(await work)).toBe(true);
  });

  it.each(['single', 'sql'] as const)('terminated in a statement: an error to retry (%s)', async (way) => {
    const slow = 'SELECT pg_sleep(0.6)';
    const work = failureOf(() =>
      way === 'single'
        ? test.database.single(context)(slow, [])
        : test.database.sql(context, async (query) => {
            await query(CHANGE, [acme]);
            return query(slow, []);
          }),
    );
    await strike('terminate', '%pg_sleep(0.6)%');
    expect(isDatabaseUnavailable(await work)).toBe(true);
  });

  it('terminated between two statements: the next one fails, and with it the transaction', async () => {
    const error = await failureOf(() =>
      test.database.sql(context, async (query) => {
        await query(CHANGE, [acme]);
        await strike('terminate', 'idle in transaction');
        return query(MINE, []);
      }),
    );
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  it('terminated just before COMMIT: an error, not a success', async () => {
    const error = await failureOf(() =>
      test.database.sql(context, async (query) => {
        await query(CHANGE, [acme]);
        await strike('terminate', 'idle in transaction');
        return 'done';
      }),
    );
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  it('out of time in a statement: an error to retry, within the limit', async () => {
    const startedAt = performance.now();
    for (const work of [
      () => test.database.single(context)('SELECT pg_sleep(5)', []),
      () => test.database.sql(context, (query) => query('SELECT pg_sleep(5)', [])),
    ]) {
      expect(isDatabaseUnavailable(await failureOf(work))).toBe(true);
    }
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });
});

describe('statements that the server has planned', () => {
  it('are planned anew when the connection has lost them, or their result has another shape', async () => {
    await test.asOwner('CREATE TABLE shapes AS SELECT 1 AS one');
    await test.asOwner('GRANT SELECT ON shapes TO souk_app');
    const read = () => test.database.single({})('SELECT * FROM shapes', []);
    expect(await read()).toEqual([{ one: 1 }]);
    await test.asOwner('ALTER TABLE shapes ADD COLUMN two int DEFAULT 2');
    expect(await read()).toEqual([{ one: 1, two: 2 }]);
    await test.database.single({})('DEALLOCATE ALL', []);
    expect(await read()).toEqual([{ one: 1, two: 2 }]);
    await test.asOwner('DROP TABLE shapes');
  });
});

it('keeps tenants apart through hundreds of failures on one connection', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 300 }, async (_unused, i) => {
      const [mine, other] = i % 2 === 0 ? [acme, rival] : [rival, acme];
      const query = test.database.single({ tenantId: mine });
      if (i % 3 === 0) return query(i % 4 === 0 ? 'SELECT 1 / 0' : 'SELECT FROM', []).catch(() => true);
      if (i % 7 === 0) return query(CHANGE, [other]).then((rows) => rows.length === 0);
      const rows = await query<{ id: string }>(MINE, []);
      return rows.length === 1 && rows[0]?.id === mine;
    }),
  );
  expect(outcomes.every((outcome) => outcome === true)).toBe(true);
});

it('survives a value that the driver cannot write, which is found only when it is sent', async () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const read = (value: unknown) => test.database.single(context)('SELECT $1::jsonb AS it', [value]);
  for (let time = 0; time < 2; time++) {
    await expect(read(circular)).rejects.toThrow(/circular/i);
    expect(await read({ a: 1 })).toEqual([{ it: { a: 1 } }]);
  }
});

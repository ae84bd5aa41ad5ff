/** Tenants, keys and a metering service on a real database, with a clock that a test moves. */
import pg from 'pg';
import { createAuditService } from '../../src/domain/audit/index.js';
import {
  PERMISSIONS,
  type ApiKeyActor,
  type Permission,
  type TenantActor,
} from '../../src/domain/access/index.js';
import {
  createLedgerService,
  createMeteringService,
  QUOTA_RECALL_CHANNEL,
  type Charge,
  type LedgerDeps,
  type LedgerService,
  type MeteringDeps,
  type MeteringService,
} from '../../src/domain/metering/index.js';
import type { Clock } from '../../src/lib/clock.js';
import { newId } from '../../src/lib/ids.js';
import { createLogger } from '../../src/lib/logger.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';

export interface MovableClock extends Clock {
  set(instant: string | Date): void;
  advance(ms: number): void;
}

export function movableClock(start: string): MovableClock {
  let nowMs = Date.parse(start);
  return {
    now: () => new Date(nowMs),
    // Real: timeouts of real timers are measured against it.
    monotonicMs: () => performance.now(),
    set: (instant) => (nowMs = new Date(instant).getTime()),
    advance: (ms) => (nowMs += ms),
  };
}

export interface MeteringRoom {
  readonly db: Pick<TestDatabase, 'url' | 'database' | 'asOwner'>;
  readonly clock: MovableClock;
  readonly metering: MeteringService;
  readonly ledger: LedgerService;
  anotherLedger(overrides?: Partial<LedgerDeps>): LedgerService;
  /** Shares the database, and nothing in memory. */
  anotherMetering(overrides?: Partial<MeteringDeps>): MeteringService;
  /** Shares the database, hears recalls and tends its leases, as a server does. */
  anotherServer(overrides?: Partial<MeteringDeps>): Promise<MeteringServer>;
  tenant(limit: number | null): Promise<string>;
  key(
    tenantId: string,
    limit: number | null,
    permissions?: readonly Permission[],
  ): Promise<ApiKeyActor & TenantActor>;
  /**
   * All that must agree, read past row-level security, after this process has given back what it has idle. What leases
   * have charged since they were last carried over counts as used.
   */
  books(tenantId: string): Promise<Books>;
  /** What is wrong with the counters of limits: they must agree with leases and ledger at every moment. */
  wrongLimits(tenantId: string): Promise<unknown[]>;
  stop(): Promise<void>;
}

export interface MeteringServer {
  readonly metering: MeteringService;
  /** Falls silent: gives nothing back, and answers nobody. */
  crash(): Promise<void>;
}

export interface Books {
  readonly counters: readonly {
    subject: string;
    subjectId: string;
    used: number;
    reserved: number;
    period: string;
  }[];
  readonly events: number;
  /** Units that predictions hold, or that a process has leased and did not give back. */
  readonly held: number;
}

export const MODEL_ID = newId('model');
export const VERSION_ID = newId('version');

export function chargeOf(predictionId = newId('prediction')): Charge {
  return {
    predictionId,
    ownerTenantId: newId('tenant'),
    modelId: MODEL_ID,
    modelName: 'acme/digits',
    versionId: VERSION_ID,
    versionNumber: 1,
    digest: 'a'.repeat(64),
    alias: null,
    runtime: 'tfjs-node',
    worker: 'w1',
    batchSize: 2,
    batchRows: 5,
    rows: 3,
    bytes: 12,
    queueMs: 0.5,
    batchMs: 0.3,
    loadMs: 0,
    computeMs: 1.5,
    computeUs: 900,
    costMicros: 0,
    currency: null,
    subscriptionId: null,
  };
}

export function userOf(tenantId: string, permissions: readonly Permission[] = PERMISSIONS): TenantActor {
  return {
    kind: 'user',
    userId: newId('user'),
    sessionId: newId('session'),
    role: 'OWNER',
    tenantId,
    permissions: new Set(permissions),
    requestId: newId('request'),
  };
}

export async function openMeteringRoom(
  start = '2026-03-15T12:00:00.000Z',
  options: { readonly maxConnections?: number } = {},
): Promise<MeteringRoom> {
  const testDatabase = await createTestDatabase(options);
  // One connection for all that a test looks up: a new one each time costs more than the test.
  const owner = new pg.Client({ connectionString: testDatabase.url });
  await owner.connect();
  const db: MeteringRoom['db'] = {
    url: testDatabase.url,
    database: testDatabase.database,
    asOwner: async <Row extends object>(text: string, parameters: readonly unknown[] = []) =>
      (await owner.query<Row>(text, [...parameters])).rows,
  };
  const clock = movableClock(start);
  const anotherMetering = (overrides: Partial<MeteringDeps> = {}) =>
    createMeteringService({
      database: db.database,
      clock,
      audit: createAuditService({ database: db.database, clock }),
      predictionsPerMinutePerKey: 60_000,
      maxConcurrentPerTenant: 1000,
      ...overrides,
    });
  const metering = anotherMetering();
  const anotherLedger = (overrides: Partial<LedgerDeps> = {}) =>
    createLedgerService({
      database: db.database,
      clock,
      audit: createAuditService({ database: db.database, clock }),
      log: createLogger('error'),
      ...overrides,
    });
  const servers: MeteringServer[] = [];
  return {
    db,
    clock,
    metering,
    ledger: anotherLedger(),
    anotherLedger,
    anotherMetering,
    async anotherServer(overrides = {}) {
      const service = anotherMetering(overrides);
      const tending = setInterval(() => service.tendLeases(), 50);
      const listener = testDatabase.database.listener(
        QUOTA_RECALL_CHANNEL,
        (tenantId) => void service.heedRecall(tenantId),
      );
      await listener.start();
      const crash = async () => {
        clearInterval(tending);
        await listener.stop();
      };
      servers.push({ metering: service, crash });
      return { metering: service, crash };
    },
    async tenant(limit) {
      const id = newId('tenant');
      await db.asOwner('INSERT INTO tenants (id, slug, name) VALUES ($1, $2, $1)', [
        id,
        id.replace('_', '-').slice(0, 40),
      ]);
      await db.asOwner('INSERT INTO tenant_plans (tenant_id, predictions_per_month) VALUES ($1, $2)', [
        id,
        limit,
      ]);
      return id;
    },
    async key(tenantId, limit, permissions = ['PREDICTION_RUN', 'USAGE_READ']) {
      const id = newId('apiKey');
      await db.asOwner(
        `INSERT INTO api_keys (id, tenant_id, name, secret_hash, prefix, last_four, scopes, predictions_per_month)
         VALUES ($1, $2, 'k', $1, 'p', '1234', '{}', $3)`,
        [id, tenantId, limit],
      );
      return {
        kind: 'apiKey',
        apiKeyId: id,
        tenantId,
        permissions: new Set(permissions),
        requestId: newId('request'),
      };
    },
    async books(tenantId) {
      await metering.giveBackIdle();
      const counters = await db.asOwner<Books['counters'][number] & { raw: number; leased: number }>(
        `SELECT c.subject, c.subject_id AS "subjectId", (c.used + l.charged)::float8 AS used,
           (c.reserved - l.charged)::float8 AS reserved, c.reserved::float8 AS raw, l.units::float8 AS leased,
           to_char(c.period_start AT TIME ZONE 'UTC', 'YYYY-MM') AS period
         FROM quota_counters c CROSS JOIN LATERAL (
           SELECT coalesce(sum(q.units), 0) AS units, coalesce(sum(q.charged), 0) AS charged FROM quota_leases q
           WHERE q.tenant_id = c.tenant_id AND q.period_start = c.period_start
             AND (c.subject = 'TENANT' OR q.api_key_id = c.subject_id)
         ) l
         WHERE c.tenant_id = $1 ORDER BY c.subject DESC, c.subject_id, c.period_start`,
        [tenantId],
      );
      const [sums] = await db.asOwner<{ events: number; held: number }>(
        `SELECT (SELECT coalesce(sum(units), 0) FROM usage_ledger WHERE tenant_id = $1)::float8 AS events,
           (SELECT coalesce(sum(units - charged), 0) FROM quota_leases WHERE tenant_id = $1)::float8 AS held`,
        [tenantId],
      );
      return {
        counters: counters.map(({ raw, leased, ...counter }) => {
          // No unit is reserved that no lease has, and none is leased that is not reserved.
          if (raw !== leased) throw new Error(`${counter.subject}: ${raw} reserved, ${leased} leased.`);
          return counter;
        }),
        ...sums!,
      };
    },
    wrongLimits: (tenantId) =>
      db.asOwner(
        `SELECT q.measure, q.span, c.used::int, c.reserved::int, l.held::int, l.charged::int,
           charged_under(q, c.window_start)::int AS ledger
         FROM limit_counters c JOIN quota_limits q ON q.id = c.limit_id
           CROSS JOIN LATERAL leased_under(q, c.window_start) l
         WHERE c.tenant_id = $1 AND q.span <> 'MINUTE' AND (
           c.reserved <> l.held
           OR (q.measure <> 'PLACES' AND c.used + l.charged <> charged_under(q, c.window_start)))`,
        [tenantId],
      ),
    async stop() {
      for (const server of servers) await server.crash();
      await owner.end();
      await testDatabase.stop();
    },
  };
}

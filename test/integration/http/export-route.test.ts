/** The export of usage: whole, exact, in bounded memory, and over when its reader goes. */
import Fastify, { type FastifyInstance } from 'fastify';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { handleError } from '../../../src/http/errors.js';
import { registerExportRoute } from '../../../src/http/export-route.js';
import { ok } from '../../../src/lib/result.js';
import { chargeOf, openMeteringRoom, userOf, type MeteringRoom } from '../../support/metering-room.js';
import { until } from '../../support/until.js';

// One page is a thousand: enough for many, and for a memory that grows with them to be seen.
const MANY = 60_000;

let room: MeteringRoom;
let app: FastifyInstance;
let base: string;
const actors = new Map<string, TenantActor>();
let pagesRead = 0;

beforeAll(async () => {
  room = await openMeteringRoom('2028-03-31T23:59:59.998Z');
  const few = await room.key(await room.tenant(null), null);
  actors.set('few', few);
  actors.set('blind', userOf(few.tenantId, ['PREDICTION_RUN']));
  for (const [at, facts] of [
    [
      '2028-03-31T23:59:59.998Z',
      { alias: 'production', costMicros: 5, currency: 'EUR', subscriptionId: 'sub_1' },
    ],
    ['2028-04-01T00:00:00.000Z', { modelName: 'acme/"a, b"' }],
  ] as const) {
    room.clock.set(at);
    const reserved = await room.metering.reserve(few, { units: 1, timeoutMs: 10_000 });
    if (!reserved.ok) throw new Error('refused');
    await room.metering.settle(few, reserved.value, { ...chargeOf(`prd_${at}`), ...facts });
  }
  const operator = userOf(await room.tenant(null));
  const reason = '=HYPERLINK("x"), he said';
  const tenantSlug = few.tenantId.replace('_', '-').slice(0, 40);
  await room.ledger.refundUsage(operator, {
    tenantSlug,
    predictionId: 'prd_2028-04-01T00:00:00.000Z',
    reason,
  });

  const many = userOf(await room.tenant(null));
  actors.set('many', many);
  await room.db.asOwner(
    `INSERT INTO usage_events (id, tenant_id, request_id, owner_tenant_id, model_id, model_name, version_id, version_number,
       digest, runtime, worker, batch_size, batch_rows, rows, units, bytes, queue_ms, batch_ms, load_ms, compute_ms,
       compute_us, period_start, created_at)
     SELECT 'prd_' || lpad(i::text, 26, '0'), $1, 'req', 'o', 'm', 'a/b', 'v', 1, repeat('d', 64), 'r', 'w', 1, 1, 1, 1, 4, 0, 0,
       0, 0, 0, '2028-05-01Z', '2028-05-01Z'::timestamptz + (i / 3) * INTERVAL '1 millisecond'
     FROM generate_series(1, $2::int) i`,
    [many.tenantId, MANY],
  );
  app = Fastify();
  app.setErrorHandler(handleError);
  registerExportRoute(app, {
    authenticate: ({ headers }) => Promise.resolve(ok(actors.get(headers.authorization ?? '') ?? null)),
    ledger: {
      exportUsage: async (actor, input) => {
        const exported = await room.ledger.exportUsage(actor, input);
        return exported.ok ? ok({ ...exported.value, pages: counted(exported.value.pages) }) : exported;
      },
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/exports/usage`;
}, 60_000);
afterAll(async () => {
  await app.close();
  await room.stop();
});

async function* counted<T>(pages: AsyncIterable<T>) {
  for await (const page of pages) {
    pagesRead += 1;
    yield page;
  }
}

const read = (who: string, query: string) => fetch(`${base}?${query}`, { headers: { authorization: who } });
const SPRING = 'from=2028-03-01&to=2028-05-01T00:00:00Z';
const MAY = 'from=2028-05-01&to=2028-06-01';

/** RFC 4180, read by the letter. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}

describe('what is in an export', () => {
  it('is every event of the span with all its facts, the same in both forms', async () => {
    const lines = await read('few', `format=jsonl&${SPRING}`);
    expect(lines.headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
    expect(lines.headers.get('content-disposition')).toBe(
      'attachment; filename="usage-2028-03-01-2028-05-01.jsonl"',
    );
    const events = (await lines.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toHaveLength(3);
    expect(events[0]).toMatchObject({
      ...{ id: 'prd_2028-03-31T23:59:59.998Z', kind: 'PREDICTION', createdAt: '2028-03-31T23:59:59.998Z' },
      ...{
        alias: 'production',
        predictions: 1,
        rows: 3,
        bytes: 12,
        computeUs: 900,
        costMicros: 5,
        currency: 'EUR',
      },
    });
    const refund = events.find(({ kind }) => kind === 'REFUND');
    expect(refund).toMatchObject({
      correctsId: 'prd_2028-04-01T00:00:00.000Z',
      predictions: -1,
      computeUs: -900,
    });

    const table = await read('few', SPRING);
    expect(table.headers.get('content-type')).toContain('text/csv');
    const [header = [], ...rows] = parseCsv(await table.text());
    expect(header).toEqual(Object.keys(events[0] ?? {}));
    expect(rows).toEqual(
      events.map((event) => Object.values(event).map((value) => (value === null ? '' : String(value)))),
    );
    // Nothing is changed for the sake of a spreadsheet.
    expect(rows.find((row) => row[1] === 'REFUND')?.[3]).toBe('=HYPERLINK("x"), he said');
  });

  it('is refused without a credential, without the permission, and for what is no span', async () => {
    const status = async (who: string, query: string) => {
      const response = await read(who, query);
      return [response.status, ((await response.json()) as { error: { code: string } }).error.code];
    };
    expect(await status('nobody', MAY)).toEqual([401, 'UNAUTHENTICATED']);
    expect(await status('blind', MAY)).toEqual([403, 'PERMISSION_DENIED']);
    for (const query of [
      'format=xml',
      'from=2028-05-01',
      'from=yesterday&to=2028-06-01',
      'from=2028-06-01&to=2028-05-01',
    ]) {
      expect(await status('few', query), query).toEqual([400, 'INVALID_INPUT']);
    }
    // The current month when nothing is said.
    expect((await read('few', '')).status).toBe(200);
  });
});

describe('a large export', () => {
  it('has every event once, in order, also where many have the same time', async () => {
    const text = await (await read('many', `format=jsonl&${MAY}`)).text();
    const found = [...text.matchAll(/"id":"prd_0*(\d+)"/g)].map(([, id]) => Number(id));
    expect(found).toEqual(Array.from({ length: MANY }, (_, i) => i + 1));
  }, 30_000);

  it('reads on only as its reader does, is one of two at a time, and ends when the reader goes', async () => {
    const open = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        get(`${base}?${MAY}`, { headers: { authorization: 'many' } }, (response) => {
          response.pause();
          resolve(response);
        }).on('error', reject);
      });
    pagesRead = 0;
    const readers = [await open(), await open()];
    // What fits into the buffers of two sockets, and no more of the sixty pages of each.
    let last = -1;
    await until(
      () => {
        const isStill = last === pagesRead && pagesRead > 1;
        last = pagesRead;
        return isStill;
      },
      { everyMs: 300 },
    );
    expect(pagesRead).toBeLessThan(MANY / 1_000);
    const third = await read('many', MAY);
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '5']);
    // Another tenant is not held up.
    expect((await read('few', SPRING)).status).toBe(200);
    for (const reader of readers) reader.destroy();
    await until(
      async () =>
        (await read('many', `${MAY}&format=jsonl`).then((r) => (void r.body?.cancel(), r.status))) === 200,
    );
    const after = pagesRead;
    expect(after).toBeLessThan(2 * (MANY / 1_000));
  }, 30_000);
});

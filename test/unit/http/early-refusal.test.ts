/** A prediction that is refused at the door gets what the whole way would have given it, and what would not be refused never is. */
import { afterEach, describe, expect, it } from 'vitest';
import type { PredictCommand } from '../../../src/domain/predictions/index.js';
import type { Services } from '../../../src/graphql/services.js';
import type { HttpServer } from '../../../src/http/server.js';
import { newId } from '../../../src/lib/ids.js';
import { refuse } from '../../../src/lib/result.js';
import { ownerOf } from '../../support/actors.js';
import { openDoors } from './doors.js';

const FULL = {
  code: 'OVERLOADED',
  message: 'Your queue of "predictions" is full; there should be room in about 41 ms.',
  retryAfterMs: 41,
} as const;
const INPUT = { target: { model: 'acme/digits' }, inputs: [{ data: [[1, 2]] }] };
const DOCUMENT = `mutation ($input: PredictInput!) { predict(input: $input) {
  prediction { id outputs { data } receipt { computeMs } } errors { code message path ... on OverloadedError { retryAfterMs } } } }`;

const opened: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.stop(100)));
});

interface World {
  /** Whether the door may refuse: else every request goes the whole way. */
  mayRefuse: boolean;
  isFull: boolean;
  /** Commands that came all the way. */
  readonly commands: PredictCommand[];
  refusedEarly: number;
}

async function open() {
  const world: World = { mayRefuse: true, isFull: true, commands: [], refusedEarly: 0 };
  const actor = ownerOf(newId('tenant'));
  const predictions = {
    mayBeFull: () => world.mayRefuse,
    refuseIfFull: () => {
      if (!world.isFull) return null;
      world.refusedEarly += 1;
      return FULL;
    },
    predict: (_actor: unknown, command: PredictCommand) => {
      world.commands.push(command);
      return Promise.resolve(refuse([FULL]));
    },
  };
  const identity = {
    authenticate: ({ authorization }: { authorization: string | null }) =>
      Promise.resolve(
        authorization === 'Bearer good'
          ? { ok: true, value: actor }
          : authorization === null
            ? { ok: true, value: null }
            : { ok: false, error: { code: 'INVALID_CREDENTIALS', message: 'No.' } },
      ),
  };
  const server = await openDoors({ services: { predictions, identity } as unknown as Partial<Services> });
  opened.push(server);
  const ask = async (payload: object, headers: Record<string, string> = {}) => {
    const reply = await server.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: 'Bearer good', ...headers },
      payload,
    });
    const { date, 'x-request-id': requestId, ...rest } = reply.headers;
    expect(date).toBeDefined();
    expect(requestId).toMatch(/^req_/);
    return { status: reply.statusCode, headers: rest, body: reply.body };
  };
  return { world, ask };
}

describe('a prediction of a tenant whose queue is full', () => {
  it.each([
    ['as programs write it', { query: DOCUMENT, variables: { input: INPUT } }],
    [
      'with a name, aliases, fragments and repeated fields',
      {
        query: `mutation Run($in: PredictInput!) { mine: predict(input: $in) { ...All again: errors { said: message message } } }
          fragment All on PredictPayload { __typename errors { __typename code ... on UserError { path }
            ... on OverloadedError { wait: retryAfterMs retryAfterMs message } } limits { remaining } }`,
        operationName: 'Run',
        variables: { in: INPUT },
      },
    ],
    [
      'that asks for nothing of the refusal',
      {
        query: 'mutation ($input: PredictInput!) { predict(input: $input) { prediction { id } } }',
        variables: { input: INPUT },
      },
    ],
    [
      'with no key in so many words',
      { query: DOCUMENT, variables: { input: { ...INPUT, idempotencyKey: null } }, operationName: null },
    ],
  ])('is refused before Apollo with the same answer, %s', async (_, payload) => {
    const { world, ask } = await open();
    world.mayRefuse = false;
    const late = await ask(payload);
    expect(world.commands).toHaveLength(1);
    world.mayRefuse = true;
    const early = [await ask(payload), await ask(payload)];
    expect(world).toMatchObject({ refusedEarly: 2, commands: { length: 1 } });
    expect(late).toMatchObject({ status: 200 });
    expect(early).toEqual([late, late]);
  });

  it('is told the newest words, not those of the first refusal', async () => {
    const { world, ask } = await open();
    const { body } = await ask({ query: DOCUMENT, variables: { input: INPUT } });
    expect(JSON.parse(body)).toEqual({
      data: { predict: { prediction: null, errors: [{ ...FULL, path: null }] } },
    });
    expect(world.commands).toHaveLength(0);
  });

  it.each<[string, object, Record<string, string>?]>([
    ['with an idempotency key', { query: DOCUMENT, variables: { input: { ...INPUT, idempotencyKey: 'k' } } }],
    [
      'with its input in the document',
      {
        query: `mutation { predict(input: { target: { model: "a/b" }, inputs: [], idempotencyKey: "k" }) { errors { code } } }`,
      },
    ],
    [
      'with a part of its input in the document',
      {
        query: `mutation ($key: String) { predict(input: { target: { model: "a/b" }, inputs: [], idempotencyKey: $key }) { errors { code } } }`,
        variables: { key: 'k' },
      },
    ],
    [
      'beside another prediction',
      {
        query: `mutation ($input: PredictInput!) { a: predict(input: $input) { errors { code } } b: predict(input: $input) { errors { code } } }`,
        variables: { input: INPUT },
      },
    ],
    [
      'in a fragment',
      {
        query: `mutation ($input: PredictInput!) { ...F } fragment F on Mutation { predict(input: $input) { errors { code } } }`,
        variables: { input: INPUT },
      },
    ],
    [
      'with a directive',
      {
        query: `mutation ($input: PredictInput!) { predict(input: $input) { errors { code message @skip(if: true) } } }`,
        variables: { input: INPUT },
      },
    ],
    [
      'with a second variable',
      {
        query: `mutation ($input: PredictInput!, $first: Int) { predict(input: $input) {
          prediction { version { model { versions(first: $first) { nodes { id } } } } } errors { code } } }`,
        variables: { input: INPUT, first: 5 },
      },
    ],
    [
      'beside another operation',
      {
        query: `${DOCUMENT.replace('mutation', 'mutation A')} query B { __typename }`,
        operationName: 'A',
        variables: { input: INPUT },
      },
    ],
    [
      'in the newer media type',
      { query: DOCUMENT, variables: { input: INPUT } },
      { accept: 'application/graphql-response+json' },
    ],
    ['with extensions', { query: DOCUMENT, variables: { input: INPUT }, extensions: {} }],
  ])('goes the whole way %s', async (_, payload, headers) => {
    const { world, ask } = await open();
    const first = await ask(payload, headers);
    expect(await ask(payload, headers)).toEqual(first);
    expect(first.status).toBe(200);
    expect(world.refusedEarly).toBe(0);
    expect(world.commands.length).toBeGreaterThan(0);
  });

  it.each([
    [
      'the wrong operation is named',
      { query: DOCUMENT, variables: { input: INPUT }, operationName: 'Other' },
    ],
    ['the variable is not there', { query: DOCUMENT, variables: {} }],
    ['the variable is a text', { query: DOCUMENT, variables: { input: 'x' } }],
    [
      'the document asks for a field that is not there',
      { query: DOCUMENT.replace('code', 'kode'), variables: { input: INPUT } },
    ],
    ['the document is cut short', { query: DOCUMENT.slice(0, -3), variables: { input: INPUT } }],
  ])('is told what is wrong where %s', async (_, payload) => {
    const { world, ask } = await open();
    const { body } = await ask(payload);
    expect(JSON.parse(body)).toHaveProperty('errors.0.extensions.code');
    expect(world).toMatchObject({ refusedEarly: 0, commands: { length: 0 } });
  });

  it('is 401 without a credential in force, as ever', async () => {
    const { world, ask } = await open();
    const payload = { query: DOCUMENT, variables: { input: INPUT } };
    expect((await ask(payload, { authorization: 'Bearer revoked' })).status).toBe(401);
    expect(world.refusedEarly).toBe(0);
  });
});

describe('while somebody’s queue is full', () => {
  it('a tenant with room is served', async () => {
    const { world, ask } = await open();
    world.isFull = false;
    await ask({ query: DOCUMENT, variables: { input: INPUT } });
    expect(world.commands).toEqual([expect.objectContaining({ target: INPUT.target })]);
  });

  it('whatever else the tenant asks is answered', async () => {
    const { world, ask } = await open();
    const { body } = await ask({ query: '{ serverInfo { version } }' });
    expect(JSON.parse(body)).toEqual({ data: { serverInfo: { version: '0.0.0' } } });
    expect(world.refusedEarly).toBe(0);
  });
});

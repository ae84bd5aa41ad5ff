/**
 * Refuses predictions of a tenant whose queue is full before Apollo sees them. Under a flood most requests end with OVERLOADED,
 * and the whole way there costs the main thread, which everybody shares, some 0.3 ms.
 *
 * The answer is the one that the whole way gives, byte by byte: it is got from there once for each text of a
 * document, with marks in the places of what differs between refusals. Only a request that can end no better while the
 * queue is full is refused here: a document with `predict` as its one field, its input a variable without an idempotency
 * key, by a credential in force. Everything else goes the whole way.
 */
import { LRUCache } from 'lru-cache';
import { randomInt, randomUUID } from 'node:crypto';
import { hasTenant, type TenantActor } from '../domain/access/index.js';
import { refuse } from '../lib/result.js';
import { createContextFactory, type ContextRequest } from './create-context.js';
import type { GraphQLContext } from './context.js';
import { findLonePredict, type LonePredict } from './lone-predict.js';
import { cutAtMarks, fillMarks, type MarkedText } from './marked-text.js';
import type { Services } from './services.js';

/** An answer as HTTP sends it. */
export interface EarlyAnswer {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** What Apollo answers to a request with this body in this context, and with the headers of the request at hand. */
export type AskApollo = (
  body: Readonly<Record<string, unknown>>,
  context: () => Promise<GraphQLContext>,
) => Promise<EarlyAnswer & { readonly status: number }>;

/** `null`: the request must go the whole way. `body` is the parsed JSON of a POST. */
export type RefuseEarly = (
  body: Readonly<Record<string, unknown>>,
  request: () => ContextRequest,
  askApollo: AskApollo,
) => Promise<EarlyAnswer | null>;

interface Template extends LonePredict {
  readonly headers: EarlyAnswer['headers'];
  readonly body: MarkedText;
}

const MAX_TEMPLATES = 200;
const MAX_TEXT_LENGTH = 10_000;
const ANY_INPUT = { target: { model: 'a/b' }, inputs: [] };
const BODY_KEYS: ReadonlySet<string> = new Set(['query', 'variables', 'operationName']);

export function createEarlyRefusal(services: Services): RefuseEarly {
  const { identity, predictions } = services;
  // `null`: no document of this kind.
  const templates = new LRUCache<string, { readonly template: Template | null }>({ max: MAX_TEMPLATES });
  // Nobody else knows them, so nothing in a document can be taken for one.
  const message = `refused ${randomUUID()}`;
  const retryAfterMs = randomInt(1_000_000_000, 2_000_000_000);
  const marked = refuse([{ code: 'OVERLOADED', message, retryAfterMs }] as const);
  const createMarkedContext = createContextFactory({
    ...services,
    predictions: { ...predictions, predict: async () => marked },
  });

  async function templateOf(text: string, request: ContextRequest, askApollo: AskApollo) {
    const known = templates.get(text);
    if (known !== undefined) return known.template;
    const lone = text.length > MAX_TEXT_LENGTH ? null : findLonePredict(text);
    if (lone === null) {
      if (text.length <= MAX_TEXT_LENGTH) templates.set(text, { template: null });
      return null;
    }
    // With variables of our own, so that the verdict on a text does not hang on who comes first with it.
    const variables = { [lone.variable]: ANY_INPUT };
    const { status, headers, body } = await askApollo({ query: text, variables }, () =>
      createMarkedContext({ ...request, variables }),
    );
    const isRefusal = status === 200 && Object.keys(JSON.parse(body) as object).join() === 'data';
    const marks = [message, String(retryAfterMs)];
    const template = isRefusal ? { ...lone, headers, body: cutAtMarks(body, marks) } : null;
    templates.set(text, { template });
    return template;
  }

  async function actorOf(request: ContextRequest): Promise<TenantActor | null> {
    const { authorization, tenantSlug, requestId, clientAddress } = request;
    const credentials = { authorization, tenantHeader: tenantSlug, requestId, clientAddress };
    // What is wrong with it, or with us, is said on the whole way.
    const found = await identity.authenticate(credentials).catch(() => null);
    if (found === null || !found.ok || found.value === null) return null;
    return hasTenant(found.value) ? found.value : null;
  }

  return async (body, toRequest, askApollo) => {
    const { query } = body;
    if (!predictions.mayBeFull() || typeof query !== 'string' || !isPlain(body)) return null;
    const request = toRequest();
    const actor = await actorOf(request);
    if (actor === null) return null;
    const template = await templateOf(query, request, askApollo);
    if (template === null || !mustWait(template, body)) return null;
    const refusal = predictions.refuseIfFull(actor);
    if (refusal === null) return null;
    // Our own sentences too are texts of JSON.
    const words = [JSON.stringify(refusal.message).slice(1, -1), String(refusal.retryAfterMs)];
    return { headers: template.headers, body: fillMarks(template.body, words) };
  };
}

/** No extensions or other fields, which may mean something to Apollo. */
function isPlain(body: Readonly<Record<string, unknown>>): boolean {
  for (const key in body) if (!BODY_KEYS.has(key)) return false;
  return true;
}

/** A request that needs the queue: no earlier answer to it can be there. */
function mustWait(
  { variable, operationName }: LonePredict,
  body: Readonly<Record<string, unknown>>,
): boolean {
  const { variables, operationName: wanted = null } = body;
  if (wanted !== null && wanted !== operationName) return false;
  const input = isRecord(variables) ? variables[variable] : null;
  return isRecord(input) && (input['idempotencyKey'] ?? null) === null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

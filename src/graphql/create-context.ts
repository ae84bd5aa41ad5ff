/** From a request to the context of its operation: limits on the text first, since they cost least. */
import { GraphQLError } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Logger } from '../lib/logger.js';
import type { GraphQLContext, Services } from './context.js';
import { causeOf, classifyError, logFault, RETRY_AFTER_SECONDS, UNAVAILABLE_MESSAGE } from './format-error.js';
import { checkDocumentText, checkVariablesDepth } from './limits.js';
import { createLoaders } from './loaders.js';

/** What the HTTP door knows of a request. */
export interface ContextRequest {
  /** The `Authorization` header as sent. */
  readonly authorization: string | null;
  /** The `Souk-Tenant` header: which of a user's tenants the request acts for. */
  readonly tenantSlug: string | null;
  readonly clientAddress: string;
  /** The query and the variables as sent: any JSON. */
  readonly document: unknown;
  readonly variables: unknown;
  readonly requestId: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

// Texts that have passed are remembered, so that a program's one query is read by the lexer once.
const REMEMBERED_TEXTS = 1_000;
const MAX_REMEMBERED_LENGTH = 10_000;

export function createContextFactory(services: Services): (request: ContextRequest) => Promise<GraphQLContext> {
  const passed = new LRUCache<string, true>({ max: REMEMBERED_TEXTS });

  function checkLimits({ document, variables }: ContextRequest): void {
    checkVariablesDepth(variables);
    if (typeof document !== 'string' || passed.has(document)) return;
    checkDocumentText(document);
    if (document.length <= MAX_REMEMBERED_LENGTH) passed.set(document, true);
  }

  return async (request) => {
    checkLimits(request);
    const { requestId, signal, log } = request;
    const actor = await authenticate(services, request);
    return { actor, services, loaders: createLoaders(services, actor), signal, requestId, log };
  };
}

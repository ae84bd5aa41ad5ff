/** From a request to the context of its operation: limits on the text first, since they cost least. */
import { GraphQLError } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Actor } from '../domain/access/index.js';
import type { Logger } from '../lib/logger.js';
import type { GraphQLContext } from './context.js';
import { classifyError, logFault, RETRY_AFTER_SECONDS } from './format-error.js';
import { checkDocumentText, checkVariablesDepth } from './limits.js';
import { createLoaders, type Loaders } from './loaders.js';
import { newRateLimitReport, type RateLimitReport } from './rate-limit-headers.js';
import type { Services } from './services.js';

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

export function createContextFactory(
  services: Services,
): (request: ContextRequest) => Promise<GraphQLContext> {
  const passed = new LRUCache<string, true>({ max: REMEMBERED_TEXTS });

  function checkLimits({ document, variables }: ContextRequest): void {
    checkVariablesDepth(variables);
    if (typeof document !== 'string' || passed.has(document)) return;
    checkDocumentText(document);
    if (document.length <= MAX_REMEMBERED_LENGTH) passed.set(document, true);
  }

  return async (request) => {
    checkLimits(request);
    const { requestId, clientAddress, signal, log } = request;
    const actor = await authenticate(services, request);
    return new RequestContext({ actor, services, signal, requestId, clientAddress, log });
  };
}

type Facts = Omit<GraphQLContext, 'loaders' | 'rateLimits'>;

/**
 * A class, because Apollo copies a context's own fields and keeps its prototype: the loaders, which most requests never use,
 * are made at their first use. In `made`, which the copies share, so that there is one set of them.
 */
class RequestContext implements GraphQLContext {
  readonly actor: Actor | null;
  readonly services: Services;
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly log: Logger;
  readonly made: { loaders: Loaders | null; rateLimits: RateLimitReport | null } = {
    loaders: null,
    rateLimits: null,
  };

  constructor({ actor, services, signal, requestId, clientAddress, log }: Facts) {
    this.actor = actor;
    this.services = services;
    this.signal = signal;
    this.requestId = requestId;
    this.clientAddress = clientAddress;
    this.log = log;
  }

  get loaders(): Loaders {
    return (this.made.loaders ??= createLoaders(this.services, this.actor));
  }

  get rateLimits(): RateLimitReport {
    return (this.made.rateLimits ??= newRateLimitReport());
  }
}

/** Who asks. A credential that is not valid is refused outright: never served as if there were none. */
async function authenticate(services: Services, request: ContextRequest): Promise<Actor | null> {
  const { authorization, tenantSlug, requestId, clientAddress, log } = request;
  const credentials = { authorization, tenantHeader: tenantSlug, requestId, clientAddress };
  const result = await services.identity.authenticate(credentials).catch((fault: unknown) => {
    logFault(fault, log);
    throw maskedFault(fault);
  });
  if (result.ok) return result.value;
  throw new GraphQLError(result.error.message, {
    extensions: {
      code: 'UNAUTHENTICATED',
      http: { status: 401, headers: new Map([['www-authenticate', 'Bearer realm="souk"']]) },
    },
  });
}

/** Apollo answers with the status of the error that it is given; what it may say is decided by `maskError`. */
function maskedFault(fault: unknown): GraphQLError {
  const isUnavailable = classifyError(fault) === 'unavailable';
  const headers = new Map([['retry-after', String(RETRY_AFTER_SECONDS)]]);
  return new GraphQLError('The credentials could not be checked.', {
    originalError: fault instanceof Error ? fault : new Error(String(fault)),
    extensions: { http: isUnavailable ? { status: 503, headers } : { status: 500 } },
  });
}

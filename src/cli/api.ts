/** The public API, as everybody speaks it: GraphQL and plain HTTP. */
import type { Credentials } from './credentials.js';
import { EXIT, Failure, interrupted } from './failure.js';

export interface ApiError {
  readonly code: string;
  readonly message: string;
  /** Where in the input. */
  readonly path?: readonly string[] | null;
}

export interface Api {
  readonly url: string;
  /** For what is sent and fetched beside GraphQL. */
  readonly headers: Readonly<Record<string, string>>;
  /** @throws Failure */
  ask<Data>(document: string, variables?: object): Promise<Data>;
  /** A mutation's payload; its `errors` are the caller's to look at. */
  mutate<Payload>(
    field: string,
    selection: string,
    input: object,
  ): Promise<Payload & { readonly errors: readonly ApiError[] }>;
  /** Any other request, straight. @throws Failure when the server cannot be reached */
  fetch(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

interface GraphQLAnswer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
  readonly error?: ApiError;
}

const ANSWER_WITHIN_MS = 150_000;

/** @param signal ends whatever is under way */
export function createApi({ url, apiKey }: Credentials, signal: AbortSignal): Api {
  const headers = Object.freeze({ authorization: `Bearer ${apiKey}` });

  async function request(path: string, init: RequestInit): Promise<Response> {
    try {
      // A redirect would carry the key to wherever it points.
      return await fetch(`${url}${path}`, { redirect: 'error', ...init });
    } catch (error) {
      if (signal.aborted) throw interrupted();
      throw unreachable(url, error);
    }
  }

  async function ask<Data>(document: string, variables: object = {}): Promise<Data> {
    const response = await request('/graphql', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query: document, variables }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    const answer = await readJson<GraphQLAnswer<Data>>(url, response);
    const error = answer.errors?.[0];
    if (error !== undefined)
      throw refused({ code: error.extensions?.code ?? 'FAILED', message: error.message });
    if (answer.data == null)
      throw refused(answer.error ?? { code: 'FAILED', message: 'The server gave no answer.' });
    return answer.data;
  }

  return Object.freeze({
    url,
    headers,
    ask,
    async mutate<Payload>(field: string, selection: string, input: object) {
      const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}Input!`;
      const document = `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} errors { code message path } } }`;
      const data = await ask<Record<string, Payload & { readonly errors: readonly ApiError[] }>>(document, {
        input,
      });
      const payload = data[field];
      if (payload === undefined) throw new Failure('The server gave no answer.');
      return payload;
    },
    fetch: (path: string, more: Readonly<Record<string, string>> = {}) =>
      request(path, { headers: { ...headers, ...more }, signal }),
  });
}

/** Waits for nothing longer than it must: `signal` ends it. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(interrupted());
    const onAbort = () => {
      clearTimeout(timer);
      reject(interrupted());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

export function refused({ code, message }: Pick<ApiError, 'code' | 'message'>): Failure {
  const isCredential = code === 'UNAUTHENTICATED' || code === 'INVALID_CREDENTIALS';
  return new Failure(message, isCredential ? EXIT.unauthenticated : EXIT.failed, code);
}

/** The refusal in the body of an answer that is none of GraphQL's. */
export async function refusedBy(response: Response): Promise<Failure> {
  const body = (await response.json().catch(() => ({}))) as { readonly error?: ApiError };
  const message = `The server answered with the status ${response.status}.`;
  return refused(body.error ?? { code: 'FAILED', message });
}

async function readJson<T>(url: string, response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new Failure(
      `What answers at ${url} is not Souk (status ${response.status}).`,
      EXIT.unreachable,
      'UNREACHABLE',
    );
  }
}

function unreachable(url: string, error: unknown): Failure {
  const cause = (error as { readonly cause?: { readonly code?: string } }).cause?.code;
  const reason = cause === undefined ? '' : ` (${cause})`;
  return new Failure(`The server at ${url} cannot be reached${reason}.`, EXIT.unreachable, 'UNREACHABLE');
}

/** A GraphQL client of about a screen: what an application would write that has no library for it. */

export interface UserError {
  readonly __typename: string;
  readonly code: string;
  readonly message: string;
  readonly resetsAt?: string;
  readonly limit?: number;
  readonly used?: number;
}

export interface Client {
  /** Runs an operation; throws with the server's words when the request itself fails. */
  run<T>(document: string, variables?: object): Promise<T>;
  /** Sends a file to `/uploads` and answers its id and digest. */
  upload(bytes: Uint8Array): Promise<{ readonly id: string; readonly sha256: string }>;
  /** The same server with another credential. */
  as(credential: string): Client;
}

export function createClient(baseUrl: string, credential?: string): Client {
  const authorization: Record<string, string> =
    credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  return Object.freeze({
    async run<T>(document: string, variables: object = {}): Promise<T> {
      const response = await fetch(`${baseUrl}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization },
        body: JSON.stringify({ query: document, variables }),
        signal: AbortSignal.timeout(180_000),
      });
      const body = (await response.json()) as { data?: T; errors?: { message: string }[] };
      if (body.errors !== undefined || body.data === undefined) {
        throw new Error(`${response.status}: ${JSON.stringify(body.errors ?? body)}`);
      }
      return body.data;
    },
    async upload(bytes: Uint8Array) {
      const response = await fetch(`${baseUrl}/uploads`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream', ...authorization },
        body: Buffer.from(bytes),
        signal: AbortSignal.timeout(180_000),
      });
      if (response.status !== 201) throw new Error(`Upload: ${response.status} ${await response.text()}`);
      return ((await response.json()) as { upload: { id: string; sha256: string } }).upload;
    },
    as: (other: string) => createClient(baseUrl, other),
  });
}

/** The named result of a mutation, or an error that tells why it was refused. */
export function succeeded<P extends { readonly errors: readonly UserError[] }>(payload: P): P {
  if (payload.errors.length > 0) {
    throw new Error(payload.errors.map((error) => `${error.code}: ${error.message}`).join('; '));
  }
  return payload;
}

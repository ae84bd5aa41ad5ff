/** The API as a test speaks it: plain HTTP, nothing of src. */
import { readFile } from 'node:fs/promises';

export interface Answer {
  readonly status: number;
  readonly data: Record<string, unknown> | null;
  readonly errors: readonly { message: string; extensions: { code: string; requestId: string } }[];
  /** The whole body without request ids, to compare and to search. */
  readonly text: string;
}

export async function ask(
  url: string,
  credential: string | null,
  document: string,
  variables: object = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
    },
    body: JSON.stringify({ query: document, variables }),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { data?: Answer['data']; errors?: Answer['errors'] };
  return {
    status: response.status,
    data: body.data ?? null,
    errors: body.errors ?? [],
    text: text.replace(/req_[0-9a-z]{26}/g, 'req_*'),
  };
}

/** Runs a mutation that must succeed, and answers its payload. */
export async function succeed(
  url: string,
  credential: string | null,
  field: string,
  selection: string,
  input: object,
) {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  const answer = await ask(
    url,
    credential,
    `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} errors { code message path } } }`,
    { input },
  );
  const payload = answer.data?.[field] as Record<string, never> & { errors: unknown[] };
  if (answer.errors.length > 0 || payload.errors.length > 0) throw new Error(`${field}: ${answer.text}`);
  return payload;
}

export interface Uploaded {
  readonly status: number;
  readonly id: string;
  readonly code: string | undefined;
}

/** PUTs bytes to `/uploads`. */
export async function put(
  url: string,
  credential: string,
  bytes: Uint8Array | string,
  headers = {},
): Promise<Uploaded> {
  const response = await fetch(`${url}/uploads`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${credential}`,
      'content-type': 'application/octet-stream',
      ...headers,
    },
    body: typeof bytes === 'string' ? bytes : Buffer.from(bytes),
  });
  const body = (await response.json()) as { upload?: { id: string }; error?: { code: string } };
  return { status: response.status, id: body.upload?.id ?? '', code: body.error?.code };
}

export function fixture(path: string): Promise<Buffer> {
  return readFile(new URL(`../fixtures/${path}`, import.meta.url));
}

/** Uploads a small model, and answers the upload's id. */
export async function sendFile(
  url: string,
  credential: string,
  file: string | Uint8Array = 'keras/dense.keras',
): Promise<string> {
  const bytes = typeof file === 'string' ? await fixture(file) : file;
  const { status, id, code } = await put(url, credential, bytes);
  if (status !== 201) throw new Error(`Upload: ${status} ${code}`);
  return id;
}

/** A fresh tenant with one owner: the access token, and the tenant's slug. */
export async function newTenant(url: string, name = 'tenant'): Promise<{ token: string; slug: string }> {
  const slug = `${name}-${Math.random().toString(36).slice(2, 10)}`;
  const payload = (await succeed(url, null, 'signUp', 'session { accessToken }', {
    email: `${slug}@example.com`,
    password: 'a long enough password',
    name,
    tenantSlug: slug,
  })) as never as { session: { accessToken: string } };
  return { token: payload.session.accessToken, slug };
}

/** A model with one version made from a fixture, or from bytes. */
export async function newVersion(
  url: string,
  token: string,
  file: string | Uint8Array = 'keras/dense.keras',
  model: object = {},
): Promise<{ modelId: string; versionId: string }> {
  const created = (await succeed(url, token, 'createModel', 'model { id }', {
    name: `model-${Math.random().toString(36).slice(2, 10)}`,
    ...model,
  })) as never as { model: { id: string } };
  const published = (await succeed(url, token, 'publishVersion', 'version { id }', {
    modelId: created.model.id,
    uploadId: await sendFile(url, token, file),
    waitMs: 60_000,
  })) as never as { version: { id: string } };
  return { modelId: created.model.id, versionId: published.version.id };
}

export const PREDICT = `mutation ($input: PredictInput!) { predict(input: $input) {
  prediction { id outputs { name datatype shape data nonFiniteCount } receipt { requestId versionId versionNumber sha256 runtime rows charged replayed remaining } }
  errors { __typename code message path ... on QuotaExceededError { subject limit used resetsAt } }
} }`;

export interface PredictAnswer {
  readonly prediction: {
    readonly id: string;
    readonly outputs:
      | readonly { name: string; datatype: string; shape: number[]; data: unknown; nonFiniteCount: number }[]
      | null;
    readonly receipt: {
      readonly requestId: string;
      readonly charged: number;
      readonly replayed: boolean;
      readonly remaining: number | null;
      readonly versionId: string;
      readonly runtime: string;
    };
  } | null;
  readonly errors: readonly {
    __typename: string;
    code: string;
    message: string;
    path: string[] | null;
    limit?: number;
    used?: number;
    resetsAt?: string;
    subject?: string;
  }[];
}

/** Runs `predict`; throws when the request itself fails. */
export async function predict(url: string, credential: string, input: object): Promise<PredictAnswer> {
  const answer = await ask(url, credential, PREDICT, { input });
  if (answer.errors.length > 0) throw new Error(answer.text);
  return answer.data?.['predict'] as PredictAnswer;
}

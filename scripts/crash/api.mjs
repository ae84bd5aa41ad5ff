// The API as a stranger speaks it: HTTP and GraphQL, nothing of the server's own code.
import { readFileSync } from 'node:fs';

const model = new URL('../../test/fixtures/keras/dense.keras', import.meta.url);

/** Asks once. Rejects when the connection breaks. */
export async function ask(url, credential, query, variables = {}, timeoutMs = 30_000) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const requestId = response.headers.get('x-request-id');
  return { ...(await response.json()), requestId, status: response.status };
}

/** Runs a mutation that must succeed. */
export async function succeed(url, credential, field, selection, input, timeoutMs = 90_000) {
  const type = `${field[0].toUpperCase()}${field.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} errors { code message } } }`;
  const answer = await ask(url, credential, query, { input }, timeoutMs);
  const payload = answer.data?.[field];
  if (answer.errors !== undefined || payload.errors.length > 0) {
    throw new Error(`${field}: ${JSON.stringify(answer)}`);
  }
  return payload;
}

export async function upload(url, credential, bytes = readFileSync(model)) {
  const { status, body } = await sendFile(url, credential, bytes);
  if (status !== 201) throw new Error(`upload: ${status} ${JSON.stringify(body)}`);
  return body.upload.id;
}

/** Sends bytes to /uploads, and gives back whatever comes. */
export async function sendFile(url, credential, bytes) {
  const response = await fetch(`${url}/uploads`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  return { status: response.status, body: await response.json() };
}

const PASSWORD = 'a long enough password';

/** A tenant with an owner, and a model with one version. */
export async function newTenant(url) {
  const slug = `crash-${Math.random().toString(36).slice(2, 10)}`;
  const { session } = await succeed(url, null, 'signUp', 'session { accessToken }', {
    email: `${slug}@example.com`,
    password: PASSWORD,
    name: 'Crash',
    tenantSlug: slug,
  });
  const token = session.accessToken;
  const created = await succeed(url, token, 'createModel', 'model { id }', { name: 'subject' });
  const { version } = await succeed(url, token, 'publishVersion', 'version { id }', {
    modelId: created.model.id,
    uploadId: await upload(url, token),
    waitMs: 60_000,
  });
  return { email: `${slug}@example.com`, token, modelId: created.model.id, versionId: version.id };
}

/** A fresh access token of the owner: one is good for some minutes. */
export async function signIn(url, { email }) {
  const input = { email, password: PASSWORD };
  const { session } = await succeed(url, null, 'signIn', 'session { accessToken }', input);
  return session.accessToken;
}

/** A key that may all that the token may. It lasts; an access token ends after five minutes, in the middle of a campaign. */
export async function lastingKey(url, token) {
  const { data } = await ask(url, token, '{ viewer { permissions } }');
  const { secret } = await succeed(url, token, 'createApiKey', 'secret', {
    name: 'campaign',
    scopes: data.viewer.permissions,
  });
  return secret;
}

/** An API key with a quota of its own. */
export async function newKey(url, token, limit) {
  const { apiKey, secret } = await succeed(url, token, 'createApiKey', 'apiKey { id } secret', {
    name: 'campaign',
    predictionsPerMonth: limit,
  });
  return { id: apiKey.id, secret };
}

const PREDICT = `mutation ($input: PredictInput!) { predict(input: $input) {
  prediction { id receipt { requestId charged replayed } } errors { code } } }`;

/**
 * One prediction, and what became of it: `ok` with its id, `refused` with a code, `failed` (the server said that it
 * could not) with a code, or `lost` (no answer).
 */
export async function predict(url, secret, versionId, idempotencyKey) {
  const input = {
    target: { versionId },
    inputs: [{ data: [Array(10).fill(0.1)] }],
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  let answer;
  try {
    answer = await ask(url, secret, PREDICT, { input });
  } catch (error) {
    return { outcome: 'lost', code: error.cause?.code ?? error.name };
  }
  const payload = answer.data?.predict;
  // Whatever is said under /graphql has the form of GraphQL.
  if (answer.errors === undefined && payload === undefined) {
    return {
      outcome: 'failed',
      code: `not GraphQL: ${answer.status} ${JSON.stringify(answer).slice(0, 200)}`,
    };
  }
  if (answer.errors !== undefined) {
    return { outcome: 'failed', code: answer.errors[0].extensions?.code, requestId: answer.requestId };
  }
  if (payload.prediction === null) return { outcome: 'refused', code: payload.errors[0].code };
  const { id, receipt } = payload.prediction;
  return {
    outcome: 'ok',
    id,
    requestId: receipt.requestId,
    replayed: receipt.replayed,
    charged: receipt.charged,
  };
}

/** All predictions of the key in the ledger, newest first. */
export async function ledgerOf(url, token, apiKeyId) {
  const query = `query ($key: ID!, $after: String) {
    predictions(filter: { apiKeyId: $key }, first: 100, after: $after) {
      edges { node { id receipt { requestId charged } } } pageInfo { hasNextPage endCursor } } }`;
  const rows = [];
  for (let after = null; ;) {
    const { data, errors } = await ask(url, token, query, { key: apiKeyId, after });
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    rows.push(...data.predictions.edges.map(({ node }) => ({ id: node.id, ...node.receipt })));
    if (!data.predictions.pageInfo.hasNextPage) return rows;
    after = data.predictions.pageInfo.endCursor;
  }
}

/** Ids of the predictions that were charged in this request. */
export async function chargedIn(url, token, requestId) {
  const query = `query ($id: String!) { predictions(filter: { requestId: $id }) { edges { node { id } } } }`;
  const { data } = await ask(url, token, query, { id: requestId });
  return data.predictions.edges.map(({ node }) => node.id);
}

/** The tenant's quota, the key's quota, and the sums of usage in all and by key. */
export async function accountsOf(url, token, apiKeyId) {
  const { data, errors } = await ask(
    url,
    token,
    `query ($key: ID!) { quota(apiKeyId: $key) { subject limit used reserved }
      usage(groupBy: [API_KEY]) { total { predictions } rows { apiKeyId sum { predictions } } } }`,
    { key: apiKeyId },
  );
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return {
    tenant: data.quota.find(({ subject }) => subject === 'TENANT'),
    key: data.quota.find(({ subject }) => subject === 'API_KEY'),
    usage: data.usage.total.predictions,
    usageOfKey: data.usage.rows.find((row) => row.apiKeyId === apiKeyId)?.sum.predictions ?? 0,
  };
}

// The world of an arm on a fresh server, made through the public API: a publisher with models, and consumers that
// may run them by grant, with keys and tenants that have a limit (far away, but counted).
import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ask, succeed, upload } from '../crash/api.mjs';

const LIMIT = 1_000_000_000;
const PUBLISH_WITHIN_MS = 85_000;
const PUBLISHER = 'bench-publisher';

/** @param server {{url: string, dataDirectory: string}} its address may change when it is started again */
export async function openMarket(server) {
  const { dataDirectory } = server;
  const { apiKey: operator } = JSON.parse(readFileSync(join(dataDirectory, 'bootstrap.json'), 'utf8'));
  const publisher = await newTenant(PUBLISHER);
  const consumers = [];
  const modelIds = [];
  // A server that does not say how many threads a worker has follows the rule that we know.
  let poolFields = 'threadsPerWorker';

  async function newTenant(slug) {
    const { session } = await succeed(server.url, null, 'signUp', 'session { accessToken }', {
      email: `${slug}@example.com`,
      password: 'a long enough password',
      name: slug,
      tenantSlug: slug,
    });
    await succeed(server.url, operator, 'setTenantQuota', 'quota { limit }', {
      tenantSlug: slug,
      predictionsPerMonth: LIMIT,
    });
    return session.accessToken;
  }

  return Object.freeze({
    /** A tenant that may run what was published before and after. Answers the secret of its API key. */
    async newConsumer(slug) {
      const token = await newTenant(slug);
      consumers.push(slug);
      for (const modelId of modelIds) await grant(modelId, slug);
      const { secret } = await succeed(server.url, token, 'createApiKey', 'secret', {
        name: 'bench',
        predictionsPerMonth: LIMIT,
      });
      return secret;
    },

    /**
     * Publishes a private model and grants it to every consumer.
     * @param candidates {(() => Uint8Array)[]} the same model in formats; the first that the server takes is it
     */
    async publish(name, candidates) {
      const { model } = await succeed(server.url, publisher, 'createModel', 'model { id }', { name });
      const before = new Set(packsIn(dataDirectory));
      const version = await firstAccepted(model.id, candidates);
      modelIds.push(model.id);
      for (const slug of consumers) await grant(model.id, slug);
      const pack = packsIn(dataDirectory).find((path) => !before.has(path));
      const { format, runtime, signature, trials } = version;
      return {
        target: { model: `${PUBLISHER}/${name}` },
        format,
        runtime: runtime.toLowerCase().replaceAll('_', '-'),
        signature,
        /** How each engine did when it was published. */
        trials,
        /** What the workers load; null when the server keeps it elsewhere. */
        pack: pack ?? null,
      };
    },

    /** The pool as operators see it. */
    async pool() {
      const askPool = (fields) =>
        ask(server.url, operator, `{ serverInfo { pool { workers { name state } queued ${fields} } } }`);
      let answer = await askPool(poolFields);
      if (answer.errors?.[0]?.extensions?.code === 'GRAPHQL_VALIDATION_FAILED' && poolFields !== '') {
        poolFields = '';
        answer = await askPool(poolFields);
      }
      if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
      return answer.data.serverInfo.pool;
    },
  });

  async function grant(modelId, granteeSlug) {
    await succeed(server.url, publisher, 'grantAccess', 'grant { id }', {
      modelId,
      granteeSlug,
      rights: ['PREDICT'],
    });
  }

  async function firstAccepted(modelId, candidates) {
    const refusals = [];
    for (const bytesOf of candidates) {
      try {
        const selection =
          'version { format runtime signature { inputs { name datatype shape } } ' +
          'trials { runtime ok reason computeMs maxRelativeDiff } } publication { id }';
        const { version } = await succeed(server.url, publisher, 'publishVersion', selection, {
          modelId,
          uploadId: await upload(server.url, publisher, bytesOf()),
          waitMs: PUBLISH_WITHIN_MS,
        });
        if (version !== null) return version;
        refusals.push(`it was not ready within ${PUBLISH_WITHIN_MS} ms`);
      } catch (error) {
        refusals.push(error.message);
      }
    }
    throw new Error(`A model of the benchmark was not taken: ${refusals.join('; ')}`);
  }
}

/** Files in the artifact store that a worker can load, by their first bytes. */
function packsIn(dataDirectory) {
  return readdirSync(join(dataDirectory, 'artifacts'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => startsWith(path, 'SOUKPK'));
}

function startsWith(path, magic) {
  const file = openSync(path);
  try {
    const bytes = Buffer.alloc(magic.length);
    readSync(file, bytes, 0, magic.length, 0);
    return bytes.toString('latin1') === magic;
  } finally {
    closeSync(file);
  }
}

// A model as its publisher publishes it, and a caller calls it: through the public API of a real server.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, lastingKey, newTenant, sendFile, succeed } from '../crash/api.mjs';
import { startServer } from '../crash/server.mjs';

/** What free dimensions other than the first are called with, in turn: a model may want a least size, or one of its own. */
const SIZES = [1, 8, 64, 224, 256, 512];
const PUBLISHED_WITHIN_MS = 300_000;

const PUBLICATION = `publication(id: $id) { status refusal { reason subject message } report { totalMs }
  version { id format runtime findings trials { runtime ok reason computeMs }
    signatures { name } signature { inputs { name datatype shape } } } }`;

/** @returns {Promise<{publish: (name: string, bytes: Uint8Array) => Promise<object>, end: () => Promise<void>}>} */
export async function openServer(environment = {}) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'souk-public-'));
  const server = await startServer(dataDirectory, environment);
  const tenant = await newTenant(server.url);
  const token = await lastingKey(server.url, tenant.token);
  let made = 0;

  async function publish(bytes) {
    const { status, body } = await sendFile(server.url, token, bytes);
    if (status !== 201) throw new Error(`The upload was refused: ${status} ${JSON.stringify(body)}`);
    const { model } = await succeed(server.url, token, 'createModel', 'model { id }', { name: `m${made++}` });
    const { publication } = await succeed(server.url, token, 'publishVersion', 'publication { id }', {
      modelId: model.id,
      uploadId: body.upload.id,
      waitMs: 0,
    });
    const variables = { id: publication.id };
    for (const startedAt = performance.now(); performance.now() - startedAt < PUBLISHED_WITHIN_MS;) {
      const { data } = await ask(
        server.url,
        token,
        `query ($id: ID!) { ${PUBLICATION} }`,
        variables,
        120_000,
      );
      if (data.publication.version !== null)
        return { ...data.publication, answer: await call(data.publication) };
      if (data.publication.refusal !== null) return data.publication;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new Error('The publication did not end in time.');
  }

  /** One prediction on made-up inputs. @returns how long it took and with which size, or why there is none */
  async function call({ version }) {
    let refusal = null;
    for (const size of SIZES) {
      const { inputs } = version.signature;
      const startedAt = performance.now();
      const { data } = await ask(
        server.url,
        token,
        'mutation ($input: PredictInput!) { predict(input: $input) { prediction { id } errors { code message } } }',
        {
          input: {
            target: { versionId: version.id },
            inputs: inputs.map((spec) => madeUp(spec, size)),
            timeoutMs: 60_000,
          },
        },
        120_000,
      );
      const { prediction, errors } = data.predict;
      if (prediction !== null) return { ms: Math.round(performance.now() - startedAt), size };
      refusal ??= errors[0];
      if (inputs.every(({ shape }) => shape.slice(1).every((length) => length >= 0))) break;
    }
    return { refusal: `${refusal.code}: ${refusal.message}` };
  }

  return {
    publish,
    faults: () => server.faults(),
    async end() {
      await server.kill('SIGTERM');
      rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function madeUp({ name, datatype, shape }, size) {
  const lengths = shape.map((length, axis) => (length >= 0 ? length : axis === 0 ? 1 : size));
  const count = lengths.reduce((product, length) => product * length, 1);
  const one = datatype === 'BYTES' ? 'a' : datatype === 'BOOL' ? true : 1;
  return { name, shape: lengths, data: Array(count).fill(one) };
}

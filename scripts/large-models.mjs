// `npm run campaign:large-models`: honest models of about 500 MB, made here, published on a real server as anybody does it,
// and asked for an answer that is known. One JSON line for each, then a summary; exit code 1 when one does not serve.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ask, lastingKey, newTenant, succeed } from './crash/api.mjs';
import { startServer } from './crash/server.mjs';

const { values } = parseArgs({
  options: {
    formats: { type: 'string', default: 'keras-h5,onnx,tfjs,saved-model,saved-model-frozen' },
    // Each is 64 MiB.
    layers: { type: 'string', default: '8' },
    // In a process of its own: writes one file, and ends.
    write: { type: 'string' },
  },
});
const layers = Number(values.layers);
const PUBLISHED_WITHIN_MS = 600_000;
const TOLERANCE = 1e-3;

if (values.write !== undefined) {
  await import('./typescript/register.mjs');
  const { FORMATS } = await import('./large-models/files.mjs');
  await FORMATS[values.formats](values.write, layers);
  process.exit(0);
}

const directory = mkdtempSync(join(tmpdir(), 'souk-large-'));
let server = null;
async function end(code) {
  await server?.kill('SIGTERM').catch(() => undefined);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(130));

/** Of the server's process itself; the import's own peak is in the report. */
function peakMebibytes() {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function send(token, path) {
  const response = await fetch(`${server.url}/uploads`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-length': String(statSync(path).size) },
    body: createReadStream(path),
    duplex: 'half',
  });
  const body = await response.json();
  if (response.status !== 201) throw new Error(`upload: ${response.status} ${JSON.stringify(body)}`);
  return body.upload.id;
}

const PUBLICATION = `publication(id: $id) { status refusal { reason message } version { id runtime }
  report { totalMs peakMemoryBytes phases { phase ms } trials { runtime ok reason loadMs computeMs } } }`;

async function publish(token, format, uploadId) {
  const { model } = await succeed(server.url, token, 'createModel', 'model { id }', { name: format });
  const { publication } = await succeed(server.url, token, 'publishVersion', 'publication { id }', {
    modelId: model.id,
    uploadId,
    waitMs: 0,
  });
  for (const startedAt = performance.now(); performance.now() - startedAt < PUBLISHED_WITHIN_MS;) {
    const { data } = await ask(server.url, token, `query ($id: ID!) { ${PUBLICATION} }`, {
      id: publication.id,
    });
    const { status } = data.publication;
    if (status === 'SUCCEEDED' || status === 'REFUSED') return data.publication;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('The publication did not end in time.');
}

async function play(token, format, row, expected) {
  const path = join(directory, format);
  const writer = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), '--write', path, '--formats', format, '--layers', values.layers],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const [code] = await once(writer, 'close');
  if (code !== 0) throw new Error(`Writing ${format} ended with ${code}.`);
  const megabytes = Math.round(statSync(path).size / 1e6);
  const sentAt = performance.now();
  const uploadId = await send(token, path);
  const uploadMs = Math.round(performance.now() - sentAt);
  rmSync(path);
  const { status, refusal, version, report } = await publish(token, format, uploadId);
  const measured = {
    format,
    megabytes,
    uploadMs,
    status,
    importMs: Math.round(report.totalMs),
    importPeakMiB: Math.round((report.peakMemoryBytes ?? 0) / 2 ** 20),
    phases: Object.fromEntries(report.phases.map(({ phase, ms }) => [phase, Math.round(ms)])),
    trials: report.trials.map(({ runtime, ok, reason, loadMs, computeMs }) => ({
      runtime,
      ok,
      reason,
      loadMs,
      computeMs,
    })),
  };
  if (version === null) return { ...measured, broken: [`${refusal?.reason}: ${refusal?.message}`] };
  const askedAt = performance.now();
  const { prediction, errors } = (
    await ask(
      server.url,
      token,
      `mutation ($input: PredictInput!) { predict(input: $input) {
         prediction { outputs { data } receipt { runtime loadMs computeMs } } errors { code message } } }`,
      { input: { target: { versionId: version.id }, inputs: [{ data: [row] }], timeoutMs: 120_000 } },
      180_000,
    )
  ).data.predict;
  const predictMs = Math.round(performance.now() - askedAt);
  if (prediction === null) return { ...measured, predictMs, broken: [JSON.stringify(errors)] };
  const [answered] = prediction.outputs[0].data;
  const furthest = Math.max(...expected.map((number, at) => Math.abs(number - answered[at])));
  return {
    ...measured,
    ...prediction.receipt,
    predictMs,
    furthest,
    serverPeakMiB: peakMebibytes(),
    broken: furthest < TOLERANCE ? [] : [`an answer lies ${furthest} from the known one`],
  };
}

try {
  await import('./typescript/register.mjs');
  const { answerTo, SIDE } = await import('./large-models/files.mjs');
  const row = Array.from({ length: SIDE }, (_, at) => (at % 7) / 7);
  const expected = answerTo(row, layers);
  server = await startServer(join(directory, 'data'), {});
  const tenant = await newTenant(server.url);
  const token = await lastingKey(server.url, tenant.token);
  const broken = [];
  for (const format of values.formats.split(',')) {
    const result = await play(token, format, row, expected).catch((error) => ({
      format,
      broken: [String(error)],
    }));
    console.log(JSON.stringify(result));
    broken.push(...result.broken.map((line) => `${format}: ${line}`));
  }
  const faults = server.faults();
  if (faults.length > 0) broken.push(`the server logged an error: ${faults[0]}`);
  console.log(JSON.stringify({ summary: true, serverPeakMiB: peakMebibytes(), broken }));
  await end(broken.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error);
  await end(1);
}

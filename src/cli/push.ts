/** `souk push FILE --model owner/name`: from a file on this machine to a version that answers. */
import { join } from 'node:path';
import { pause, refused, type Api, type ApiError } from './api.js';
import { configDirectory, type Environment } from './credentials.js';
import { Failure } from './failure.js';
import { openModelFile, type ModelFile } from './model-file.js';
import { formatBytes, type Output } from './output.js';
import { parseModelReference, type ModelReference } from './reference.js';
import { sendFile } from './send-file.js';
import { readSampleFile, type Sample } from './tensor-file.js';

export interface PushOptions {
  /** `owner/name`. */
  readonly model: string;
  /** Makes the model when there is none. */
  readonly create?: boolean;
  readonly notes?: string;
  /** A file with a call, and what must come out. */
  readonly sample?: string;
  /** Publishes once more what the newest version is already. */
  readonly again?: boolean;
}

interface Deps {
  readonly api: Api;
  readonly output: Output;
  readonly environment: Environment;
  readonly signal: AbortSignal;
}

interface Version {
  readonly id: string;
  readonly number: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly format: string;
  readonly runtime: string;
  readonly parameterCount: number;
  readonly trials: readonly Trial[];
  readonly findings: readonly string[];
}

interface Trial {
  readonly runtime: string;
  readonly ok: boolean;
  readonly chosen: boolean;
  readonly reason: string | null;
  readonly loadMs: number | null;
  readonly computeMs: number | null;
}

interface Publication {
  readonly id: string;
  readonly status: string;
  readonly phase: string | null;
  readonly version: Version | null;
  readonly refusal: { readonly reason: string; readonly message: string } | null;
}

interface Model {
  readonly id: string;
  readonly latestVersion: Version | null;
}

const VERSION = `id number sha256 bytes format runtime parameterCount findings
  trials { runtime ok chosen reason loadMs computeMs }`;
const PUBLICATION = `id status phase version { ${VERSION} } refusal { reason message }`;
const LOOK_EVERY_MS = 300;
/** So often in a row a look may fail: a server that restarts takes the import up again. */
const MAX_FAILED_LOOKS = 100;

export async function push(deps: Deps, path: string, options: PushOptions): Promise<void> {
  const { api, output, signal } = deps;
  const reference = parseModelReference(options.model);
  const sample = options.sample === undefined ? null : await readSampleFile(options.sample);
  const file = await openModelFile(path, output, signal);
  try {
    // Before the bytes: whoever may not publish there need not send them.
    const model = await findOrCreate(api, reference, options, output);
    const latest = model.latestVersion;
    if (latest?.sha256 === file.sha256 && options.again !== true) {
      output.result({ model: options.model, published: false, version: latest }, [
        `${options.model}:${latest.number} is this file already; nothing to do (--again publishes it once more).`,
      ]);
      return;
    }
    const { uploadId, wasSent, forget } = await deliver(deps, file);
    const publication = await publish(api, model.id, uploadId, options.notes ?? '', sample);
    await forget();
    const version = await watch(deps, publication);
    const value = { model: options.model, published: true, wasSent, version };
    output.result(value, describe(options.model, file, version));
  } finally {
    await file.remove();
  }
}

async function findOrCreate(
  api: Api,
  { owner, name }: ModelReference,
  { create }: PushOptions,
  output: Output,
): Promise<Model> {
  const { model } = await api.ask<{ readonly model: Model | null }>(
    `query ($owner: String!, $name: String!) {
      model(owner: $owner, name: $name) { id latestVersion { ${VERSION} } } }`,
    { owner, name },
  );
  if (model !== null) return model;
  if (create !== true) {
    const message = `There is no model ${owner}/${name} that you may see; --create makes it.`;
    throw new Failure(message, undefined, 'NOT_FOUND');
  }
  const { viewer } = await api.ask<{
    readonly viewer: { readonly tenant: { readonly slug: string } | null };
  }>('{ viewer { tenant { slug } } }');
  if (viewer.tenant?.slug !== owner) {
    const mine = viewer.tenant?.slug ?? 'no tenant';
    throw new Failure(`Models of ${owner} are made by its own members; this key is of ${mine}.`);
  }
  const created = await api.mutate<{ readonly model: { readonly id: string } }>(
    'createModel',
    'model { id }',
    { name },
  );
  throwFirst(created.errors);
  output.note(`Made the model ${owner}/${name}.`);
  return { id: created.model.id, latestVersion: null };
}

/** Asks by digest first; sends only what the tenant does not have. */
async function deliver({ api, output, environment, signal }: Deps, file: ModelFile) {
  const sha256 = file.sha256;
  const asked = await api.mutate<{ readonly upload: { readonly id: string } | null }>(
    'createUploadFromDigest',
    'upload { id }',
    { sha256 },
  );
  if (asked.upload !== null) {
    output.note(`The server has these ${formatBytes(file.bytes)} already; nothing is sent.`);
    return { uploadId: asked.upload.id, wasSent: false, forget: () => Promise.resolve() };
  }
  if (asked.errors[0]?.code !== 'NOT_FOUND') throwFirst(asked.errors);
  const directory = join(configDirectory(environment), 'uploads');
  const sent = await sendFile(api, file, directory, output, signal);
  return { uploadId: sent.uploadId, wasSent: true, forget: sent.forget };
}

async function publish(
  api: Api,
  modelId: string,
  uploadId: string,
  notes: string,
  sample: Sample | null,
): Promise<Publication> {
  const input = { modelId, uploadId, notes, waitMs: 0, ...(sample === null ? {} : { sample }) };
  const payload = await api.mutate<{ readonly publication: Publication | null }>(
    'publishVersion',
    `publication { ${PUBLICATION} }`,
    input,
  );
  if (payload.publication === null) throwFirst(payload.errors);
  if (payload.publication === null) throw new Failure('The server began no publication.');
  return payload.publication;
}

/** Says each phase of the import once, until it has ended. */
async function watch({ api, output, signal }: Deps, begun: Publication): Promise<Version> {
  let publication = begun;
  let said = '';
  for (let failures = 0; ;) {
    const state = publication.phase ?? publication.status;
    if (state !== said && publication.version === null) output.note(`${words(state)} …`);
    said = state;
    if (publication.version !== null) return publication.version;
    if (publication.refusal !== null) {
      throw new Failure(publication.refusal.message, undefined, publication.refusal.reason);
    }
    await pause(LOOK_EVERY_MS, signal);
    try {
      const answer = await api.ask<{ readonly publication: Publication | null }>(
        `query ($id: ID!) { publication(id: $id) { ${PUBLICATION} } }`,
        { id: begun.id },
      );
      if (answer.publication === null) throw new Failure(`The publication ${begun.id} is gone.`);
      publication = answer.publication;
      failures = 0;
    } catch (error) {
      const mayPass = error instanceof Failure && error.code === 'UNREACHABLE';
      if (!mayPass || ++failures > MAX_FAILED_LOOKS) throw error;
    }
  }
}

function describe(model: string, file: ModelFile, version: Version): string[] {
  const { number, format, runtime, parameterCount, sha256, trials, findings } = version;
  return [
    `Published ${model}:${number}`,
    `  ${format}, ${parameterCount.toLocaleString('en')} parameters, ${formatBytes(file.bytes)}`,
    `  sha256 ${sha256}`,
    `  served by ${runtime}`,
    ...trials.map((trial) => `    ${trialLine(trial)}`),
    ...findings.map((finding) => `  note: ${finding}`),
  ];
}

function trialLine({ runtime, ok, chosen, reason, loadMs, computeMs }: Trial): string {
  if (!ok) return `${runtime}: ${reason ?? 'cannot run it'}`;
  const figures = `loads in ${loadMs?.toFixed(1) ?? '?'} ms, runs in ${computeMs?.toFixed(2) ?? '?'} ms`;
  return `${runtime}: ${figures}${chosen ? ' (chosen)' : ''}`;
}

/** `TRIAL_RUN` -> `Trial run`. */
function words(state: string): string {
  const text = state.toLowerCase().replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function throwFirst(errors: readonly ApiError[]): void {
  const [first] = errors;
  if (first !== undefined) throw refused(first);
}

/** `souk pull owner/name[:3|@alias]`: the artifact as it was uploaded, whole and verified, or nothing. */
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pause, refusedBy, type Api } from './api.js';
import { Failure, interrupted } from './failure.js';
import { digestOf } from './model-file.js';
import { formatBytes, type Output } from './output.js';
import { parseVersionReference, type VersionReference } from './reference.js';

export interface PullOptions {
  /** Where to; without it the name that the server suggests, in the working directory. */
  readonly output?: string;
  readonly force?: boolean;
}

interface Deps {
  readonly api: Api;
  readonly output: Output;
  readonly signal: AbortSignal;
}

interface Version {
  readonly id: string;
  readonly number: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly downloadUrl: string | null;
}

const FIELDS = 'id number sha256 bytes downloadUrl';
const RETRY_DELAYS_MS = [100, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

export async function pull({ api, output, signal }: Deps, text: string, options: PullOptions): Promise<void> {
  const reference = parseVersionReference(text);
  const version = await findVersion(api, reference);
  const { downloadUrl, sha256, bytes } = version;
  if (downloadUrl === null) {
    throw new Failure(
      `You may not download ${text}; its owner can grant DOWNLOAD.`,
      undefined,
      'NOT_ENTITLED',
    );
  }
  const target = resolve(options.output ?? (await suggestedName(api, downloadUrl, reference, version)));
  const there = await stat(target).catch(() => null);
  if (there !== null && options.force !== true) {
    const isSame = there.size === bytes && (await digestOf(target, bytes, output, signal)) === sha256;
    if (!isSame) throw new Failure(`${target} exists already and is another file; --force replaces it.`);
  } else {
    // Named by its digest: a later try, also of another process, goes on with it.
    const partial = join(dirname(target), `.souk-${sha256}.part`);
    await fetchInto(partial, { api, output, signal }, downloadUrl, version);
    if ((await digestOf(partial, bytes, output, signal)) !== sha256) {
      await rm(partial, { force: true });
      throw new Failure(`What arrived does not have the SHA-256 ${sha256}; it was thrown away. Try again.`);
    }
    await rename(partial, target);
  }
  output.result(
    { model: `${reference.owner}/${reference.name}`, number: version.number, sha256, bytes, path: target },
    [
      `${target}: ${reference.owner}/${reference.name}:${version.number}, ${formatBytes(bytes)}, sha256 ${sha256}`,
    ],
  );
}

async function findVersion(api: Api, { owner, name, number, alias }: VersionReference): Promise<Version> {
  const [field, parameters, variables] =
    alias !== null
      ? [`alias(name: $alias) { version { ${FIELDS} } }`, ', $alias: String!', { alias }]
      : number !== null
        ? [`version(number: $number) { ${FIELDS} }`, ', $number: Int!', { number }]
        : [`latestVersion { ${FIELDS} }`, '', {}];
  const { model } = await api.ask<{ readonly model: Readonly<Record<string, unknown>> | null }>(
    `query ($owner: String!, $name: String!${parameters}) { model(owner: $owner, name: $name) { ${field} } }`,
    { owner, name, ...variables },
  );
  const aliased = (model?.['alias'] as { readonly version: Version } | null | undefined)?.version;
  const found = (aliased ?? model?.['version'] ?? model?.['latestVersion'] ?? null) as Version | null;
  if (found !== null) return found;
  const what = alias !== null ? `@${alias}` : number !== null ? `:${number}` : '';
  throw new Failure(`There is no version ${owner}/${name}${what} that you may see.`, undefined, 'NOT_FOUND');
}

/** Of the server's suggestion only the ending is taken, so that no answer chooses a path here. */
async function suggestedName(
  api: Api,
  downloadUrl: string,
  { name }: VersionReference,
  { number }: Version,
): Promise<string> {
  const head = await api.fetch(downloadUrl, { range: 'bytes=0-0' });
  await head.body?.cancel();
  if (!head.ok) throw await refusedBy(head);
  const ending = /filename="[^"]*?(\.tar\.gz|\.[a-z0-9]{1,10})"/.exec(
    head.headers.get('content-disposition') ?? '',
  )?.[1];
  return `${name}-${number}${ending ?? ''}`;
}

async function fetchInto(
  partial: string,
  { api, output, signal }: Deps,
  downloadUrl: string,
  { bytes, sha256 }: Version,
): Promise<void> {
  for (let attempt = 0; ;) {
    const before = (await stat(partial).catch(() => null))?.size ?? 0;
    if (before === bytes) return;
    try {
      const at = before > bytes ? 0 : before;
      const headers = at === 0 ? {} : { range: `bytes=${at}-`, 'if-range': `"${sha256}"` };
      const response = await api.fetch(downloadUrl, headers);
      if (!response.ok || response.body === null) throw await refusedBy(response);
      const isRest = response.status === 206;
      if (isRest) output.note(`Going on at ${formatBytes(at)}.`);
      let done = isRest ? at : 0;
      const file = await open(partial, isRest ? 'a' : 'w', 0o644);
      try {
        // Each piece is in the file before the next is asked for: a cut loses nothing of what was shown.
        for await (const chunk of response.body) {
          if (signal.aborted) throw interrupted();
          done += chunk.length;
          if (done > bytes) throw new Failure('The server sends more than the version has.');
          await file.writeFile(chunk);
          output.progress('Fetching', done, bytes);
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      if (signal.aborted) throw interrupted();
      if (error instanceof Failure && error.code !== 'UNREACHABLE') throw error;
      const after = (await stat(partial).catch(() => null))?.size ?? 0;
      attempt = after > before ? 0 : attempt;
      const delayMs = RETRY_DELAYS_MS[attempt++];
      if (delayMs === undefined) throw error;
      output.note('The connection was lost; trying again.');
      await pause(delayMs, signal);
    }
  }
}

// What must hold when a server has come back and done what it had to do. Each broken rule is one line of text.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from '../crash/api.mjs';
import { digestOf } from './database.mjs';
import { until } from './steps.mjs';

const CLEAN_WITHIN_MS = 15_000;

const REFERRED = `SELECT digest FROM uploads UNION SELECT digest FROM versions UNION SELECT pack_digest FROM versions
  UNION SELECT digest FROM publications WHERE status IN ('QUEUED', 'RUNNING')`;

/** Every file of the store, and every directory of an import. */
function filesOf(dataDirectory) {
  const named = [];
  const walk = (folder) => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) walk(path);
      else named.push(name);
    }
  };
  walk(join(dataDirectory, 'artifacts', 'sha256'));
  const halves = readdirSync(join(dataDirectory, 'artifacts', 'tmp'));
  return { named: named.sort(), leftovers: [...halves, ...readdirSync(join(dataDirectory, 'imports'))] };
}

/** The store's files against the rows: nothing without a row, no row without its bytes, nothing half-written. */
export async function checkBytes({ database, dataDirectory }) {
  let difference = [];
  const compare = async () => {
    const referred = (await database.rows(REFERRED)).map((row) => row.digest);
    const { named, leftovers } = filesOf(dataDirectory);
    const rows = (await database.rows('SELECT digest FROM artifacts')).map((row) => row.digest);
    difference = [
      ...named
        .filter((digest) => !referred.includes(digest))
        .map((digest) => `bytes without a row: ${digest}`),
      ...referred
        .filter((digest) => !named.includes(digest))
        .map((digest) => `a row without bytes: ${digest}`),
      ...rows
        .filter((digest) => !referred.includes(digest))
        .map((digest) => `an artifact of nothing: ${digest}`),
      ...leftovers.map((name) => `left behind: ${name}`),
    ];
    return difference.length === 0;
  };
  await until(compare, 'clean', CLEAN_WITHIN_MS).catch(() => undefined);
  return difference;
}

/** The model's versions: 1, 2, 3 … without a gap, each with its bytes. */
export async function checkVersions({ url, token, modelId }) {
  const broken = [];
  const { data } = await ask(
    url,
    token,
    `query ($id: ID!) { node(id: $id) { ... on Model { latestVersion { number }
      versions(first: 100) { nodes { number sha256 downloadUrl publication { status } } } } } }`,
    { id: modelId },
  );
  const { nodes } = data.node.versions;
  const numbers = nodes.map(({ number }) => number).reverse();
  if (numbers.some((number, i) => number !== i + 1)) broken.push(`the versions are ${numbers}`);
  if ((data.node.latestVersion?.number ?? 0) !== numbers.length) broken.push('the newest is not the last');
  if (nodes.some(({ publication }) => publication.status !== 'SUCCEEDED')) {
    broken.push('a version is there before its publication has succeeded');
  }
  const digests = new Set(nodes.map(({ sha256 }) => sha256));
  if (digests.size !== nodes.length) broken.push('two versions have the same artifact');
  for (const { number, sha256, downloadUrl } of nodes.slice(0, 3)) {
    const response = await fetch(`${url}${downloadUrl}`, { headers: { authorization: `Bearer ${token}` } });
    const found = digestOf(Buffer.from(await response.arrayBuffer()));
    if (found !== sha256) broken.push(`version ${number} hashes to ${found}`);
  }
  return broken;
}

/** Waits for the end of a publication; answers its row. */
export function untilEnded(database, id) {
  return until(
    async () => {
      const row = await database.publication(id);
      return row?.finished_at == null ? null : row;
    },
    `the end of ${id}`,
    90_000,
  );
}

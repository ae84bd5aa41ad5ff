/** `souk models` and `souk versions owner/name`. */
import type { Api } from './api.js';
import { Failure } from './failure.js';
import { formatBytes, table, type Output } from './output.js';
import { parseModelReference } from './reference.js';

interface ModelRow {
  readonly owner: { readonly slug: string };
  readonly name: string;
  readonly summary: string;
  readonly visibility: string;
  readonly latestVersion: { readonly number: number; readonly format: string } | null;
}

interface VersionRow {
  readonly number: number;
  readonly format: string;
  readonly runtime: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly createdAt: string;
  readonly notes: string;
}

interface Page<Row> {
  readonly nodes: readonly Row[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const PAGE = 100;

/** Up to `limit` rows, page by page. */
async function rowsOf<Row>(
  limit: number,
  read: (after: string | null) => Promise<Page<Row>>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | null = null; ;) {
    const { nodes, pageInfo } = await read(after);
    rows.push(...nodes);
    if (rows.length >= limit || !pageInfo.hasNextPage) return rows.slice(0, limit);
    after = pageInfo.endCursor;
  }
}

export async function listModels(
  api: Api,
  output: Output,
  search: string | undefined,
  limit: number,
): Promise<void> {
  const models = await rowsOf<ModelRow>(limit, async (after) => {
    const answer = await api.ask<{ readonly models: Page<ModelRow> }>(
      `query ($search: String, $after: String) { models(search: $search, first: ${PAGE}, after: $after) {
        nodes { owner { slug } name summary visibility latestVersion { number format } }
        pageInfo { hasNextPage endCursor } } }`,
      { search, after },
    );
    return answer.models;
  });
  const lines = models.map(({ owner, name, visibility, latestVersion, summary }) => [
    `${owner.slug}/${name}`,
    latestVersion === null ? '-' : String(latestVersion.number),
    latestVersion?.format ?? '-',
    visibility,
    summary,
  ]);
  output.result({ models }, table(['MODEL', 'NEWEST', 'FORMAT', 'VISIBILITY', 'SUMMARY'], lines));
}

export async function listVersions(api: Api, output: Output, text: string, limit: number): Promise<void> {
  const { owner, name } = parseModelReference(text);
  const versions = await rowsOf<VersionRow>(limit, async (after) => {
    const { model } = await api.ask<{ readonly model: { readonly versions: Page<VersionRow> } | null }>(
      `query ($owner: String!, $name: String!, $after: String) { model(owner: $owner, name: $name) {
        versions(first: ${PAGE}, after: $after) {
          nodes { number format runtime bytes sha256 createdAt notes } pageInfo { hasNextPage endCursor } } } }`,
      { owner, name, after },
    );
    if (model === null)
      throw new Failure(`There is no model ${text} that you may see.`, undefined, 'NOT_FOUND');
    return model.versions;
  });
  const lines = versions.map(({ number, format, runtime, bytes, createdAt, sha256 }) => [
    String(number),
    format,
    runtime,
    formatBytes(bytes),
    createdAt,
    sha256,
  ]);
  output.result({ versions }, table(['VERSION', 'FORMAT', 'ENGINE', 'SIZE', 'PUBLISHED', 'SHA-256'], lines));
}

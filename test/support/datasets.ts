/** Datasets for tests, and the reading of them through the real child process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openDatasetFile,
  type DatasetFile,
  type DatasetOptions,
  type DatasetReader,
  type DatasetRefusal,
  type ReadDataset,
} from '../../src/importers/index.js';
import { fixture } from './api.js';
import { zipOf } from './zip.js';

export const NO_OPTIONS: DatasetOptions = {
  labelColumn: null,
  columns: null,
  delimiter: null,
  width: null,
  height: null,
  color: 'AS_IS',
};

export type DatasetReading =
  | { readonly report: ReadDataset; readonly refusal: null; readonly file: DatasetFile }
  | { readonly report: null; readonly refusal: DatasetRefusal; readonly file: null };

/** Reads bytes in a child, gives what came of it to `look`, and leaves nothing behind. */
export async function withDataset<T>(
  reader: DatasetReader,
  bytes: Uint8Array | string,
  options: Partial<DatasetOptions>,
  look: (reading: DatasetReading) => T | Promise<T>,
  limits: { readonly timeoutMs?: number; readonly maxMemoryBytes?: number } = {},
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'souk-dataset-'));
  try {
    const sourcePath = join(directory, 'source');
    const workDirectory = mkdtempSync(join(directory, 'work-'));
    writeFileSync(sourcePath, bytes);
    const read = await reader.readDataset({
      sourcePath,
      workDirectory,
      options: { ...NO_OPTIONS, ...options },
      timeoutMs: limits.timeoutMs ?? 60_000,
      maxMemoryBytes: limits.maxMemoryBytes ?? 2 ** 31,
    });
    if (!read.ok) return await look({ report: null, refusal: read.error, file: null });
    const file = await openDatasetFile(read.value.path);
    try {
      return await look({ report: read.value, refusal: null, file });
    } finally {
      await file.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The 40 held-out digits as people zip them, with a labels.csv. */
export async function digitsZip(): Promise<Buffer> {
  const { labels } = JSON.parse((await fixture('digits/test/expected.json')).toString()) as {
    labels: readonly number[];
  };
  const names = labels.map((_, index) => `${String(index).padStart(2, '0')}.png`);
  const lines = names.map((name, index) => `${name},${labels[index]}`);
  return zipOf([
    { name: 'digits/labels.csv', data: Buffer.from(`file,label\n${lines.join('\n')}\n`) },
    ...(await Promise.all(
      names.map(async (name) => ({ name: `digits/${name}`, data: await fixture(`digits/test/${name}`) })),
    )),
  ]);
}

export const datasetFixture = (name: string) =>
  readFile(new URL(`../fixtures/datasets/${name}`, import.meta.url));

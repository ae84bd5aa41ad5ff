/** Archives for tests: taking fixtures apart, putting them together again with something changed. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { readZip } from '../../src/importers/archive-zip.js';
import { zipOf } from './zip.js';

export const fixture = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)));

export async function unzip(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const directory = mkdtempSync(join(tmpdir(), 'souk-unzip-'));
  const path = join(directory, 'archive');
  writeFileSync(path, bytes);
  const fd = openSync(path, 'r');
  try {
    const { files } = await readZip(fd, bytes.length, directory);
    return new Map([...files].map(([name, source]) => [name, source.read(0, source.size)]));
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

// A config is changed at any depth by these tests; its type would be Keras's whole format.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Config = any;

/** A `.keras` fixture with its config.json edited. */
export async function editedKeras(name: string, edit: (config: Config) => void): Promise<Buffer> {
  const files = await unzip(fixture(name));
  const config = JSON.parse(files.get('config.json')?.toString() ?? '');
  edit(config);
  files.set('config.json', Buffer.from(JSON.stringify(config)));
  return zipOf([...files].map(([entry, data]) => ({ name: entry, data })));
}

export interface TarEntry {
  readonly header: Partial<Header> & { readonly name: string };
  readonly data?: Uint8Array;
}

export async function tarOf(entries: readonly TarEntry[], gzip = true): Promise<Buffer> {
  const archive = pack();
  for (const { header, data } of entries) archive.entry(header, Buffer.from(data ?? []));
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of archive) parts.push(part as Uint8Array);
  const bytes = Buffer.concat(parts);
  return gzip ? gzipSync(bytes) : bytes;
}

/** A public graph model from npm as one zip; `edit` may change model.json. */
export function humanZip(name: string, edit: (model: Config) => void = () => undefined): Buffer {
  const folder = fileURLToPath(new URL('../../node_modules/@vladmandic/human/models/', import.meta.url));
  const model = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  edit(model);
  return zipOf([
    { name: 'model.json', data: Buffer.from(JSON.stringify(model)), deflate: true },
    { name: `${name}.bin`, data: readFileSync(join(folder, `${name}.bin`)) },
  ]);
}

export interface SmallGraph {
  readonly modelTopology: Config;
  readonly weightsManifest: Config;
  readonly signature?: Config;
}

/** y = x·w + b as a TFJS graph model: 3 inputs, 2 outputs. */
export function smallGraph(): SmallGraph {
  const float = { type: 'DT_FLOAT' };
  return {
    modelTopology: {
      node: [
        {
          name: 'x',
          op: 'Placeholder',
          attr: { dtype: float, shape: { shape: { dim: [{ size: '-1' }, { size: '3' }] } } },
        },
        { name: 'w', op: 'Const', attr: { dtype: float } },
        { name: 'b', op: 'Const', attr: { dtype: float } },
        {
          name: 'product',
          op: 'MatMul',
          input: ['x', 'w'],
          attr: { T: float, transpose_a: { b: false }, transpose_b: { b: false } },
        },
        { name: 'y', op: 'BiasAdd', input: ['product', 'b'], attr: { T: float } },
      ],
      versions: { producer: 1087 },
    },
    weightsManifest: [
      {
        paths: ['group1-shard1of1.bin'],
        weights: [
          { name: 'w', shape: [3, 2], dtype: 'float32' },
          { name: 'b', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  };
}

export const SMALL_GRAPH_WEIGHTS = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 0.5, -0.5).buffer);

export function graphZip(
  edit: (model: Config) => void = () => undefined,
  weights: Uint8Array = SMALL_GRAPH_WEIGHTS,
): Buffer {
  const model = smallGraph();
  edit(model);
  return zipOf([
    { name: 'web_model/model.json', data: Buffer.from(JSON.stringify(model)) },
    { name: 'web_model/group1-shard1of1.bin', data: weights },
  ]);
}

/** What the story needs from disk: trained models, test images, and what Python said about them. */
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import sharp from 'sharp';
import { pack } from 'tar-stream';

const fixtures = fileURLToPath(new URL('../../test/fixtures/digits/', import.meta.url));

export const DIGIT_SIDE = 28;
export const POSE_SIDE = 192;

export interface Expected {
  readonly labels: readonly number[];
  /** What Keras answered for each image: ten probabilities. */
  readonly probabilities: readonly (readonly number[])[];
}

export async function readDigitsModel(name: 'digits-weak.h5' | 'digits.h5'): Promise<Uint8Array> {
  return readFile(join(fixtures, name));
}

export async function readExpected(): Promise<Expected> {
  return JSON.parse(await readFile(join(fixtures, 'test', 'expected.json'), 'utf8')) as Expected;
}

/** One test image as base64 FP32 [1, 28, 28, 1], 0 to 1. */
export async function readDigit(index: number): Promise<string> {
  const file = join(fixtures, 'test', `${String(index).padStart(2, '0')}.png`);
  const pixels = await sharp(file).greyscale().raw().toBuffer();
  const values = Float32Array.from(pixels, (pixel) => pixel / 255);
  return Buffer.from(values.buffer).toString('base64');
}

/** All test images with their labels, as people pack them: pictures and a labels.csv in one tar.gz. */
export async function readDigitsDataset(): Promise<Uint8Array> {
  const { labels } = await readExpected();
  const names = labels.map((_, index) => `${String(index).padStart(2, '0')}.png`);
  const archive = pack();
  const lines = names.map((name, index) => `${name},${labels[index]}`);
  archive.entry({ name: 'labels.csv' }, `file,label\n${lines.join('\n')}\n`);
  for (const name of names) archive.entry({ name }, await readFile(join(fixtures, 'test', name)));
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

/** A public pose model as people download it (model.json and a shard) in one tar.gz. */
export async function readPoseModel(): Promise<Uint8Array> {
  const archive = pack();
  for (const name of ['movenet-lightning.json', 'movenet-lightning.bin']) {
    const bytes = await readFile(join(humanPackage(), 'models', name));
    archive.entry({ name: name.endsWith('.json') ? 'model.json' : name }, bytes);
  }
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

/** A standing figure, cut from that package's sample picture, as base64 INT32 [1, 192, 192, 3], 0 to 255. */
export async function readFigure(): Promise<string> {
  const pixels = await sharp(join(humanPackage(), 'assets', 'samples.jpg'))
    .extract({ left: 0, top: 0, width: 157, height: 157 })
    .resize(POSE_SIDE, POSE_SIDE)
    .removeAlpha()
    .raw()
    .toBuffer();
  return Buffer.from(Int32Array.from(pixels).buffer).toString('base64');
}

function humanPackage(): string {
  // Its main file lies in dist/; the package does not export its package.json.
  return dirname(dirname(createRequire(import.meta.url).resolve('@vladmandic/human')));
}

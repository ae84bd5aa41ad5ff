/** Pictures in a zip or tar: a folder for each class, or a labels.csv that names file and label. */
import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import sharp, { type Sharp } from 'sharp';
import type { Archive } from '../archive.js';
import type { ByteSource } from '../byte-source.js';
import { Refused, refuseImport } from '../refused.js';
import { columnBytes } from './canonical.js';
import type { Findings } from './findings.js';
import { labelsFromTexts } from './labels.js';
import { DATASET_LIMITS } from './limits.js';
import type { Table } from './npz.js';
import { listed } from './refused.js';
import type { DatasetOptions } from './types.js';

export const IMAGE_NAME = /\.(png|jpe?g|webp)$/i;
const LABELS_FILE = /(^|\/)labels\.csv$/i;
const MAX_LABELS_BYTES = 64 * 1024 * 1024;

interface Picture {
  readonly file: string;
  readonly source: ByteSource;
  readonly label: string;
}

interface Shape {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** @throws Refused */
export async function readImages(
  archive: Archive,
  options: DatasetOptions,
  findings: Findings,
): Promise<Table> {
  restrictDecoders();
  const pictures = await labelled(archive, findings);
  const rows = pictures.length;
  if (rows > DATASET_LIMITS.maxRows) {
    refuseImport(
      'LIMIT_EXCEEDED',
      null,
      `There are ${rows} pictures; at most ${DATASET_LIMITS.maxRows} are read.`,
    );
  }
  const shape = await shapeOf(pictures[0] as Picture, options);
  const { width, height, channels } = shape;
  const spec = { name: 'image', datatype: 'UINT8', shape: [height, width, channels] } as const;
  columnBytes(spec, rows);
  if (options.width !== null) findings.add(`Pictures are stretched to ${width} × ${height}, bilinear.`);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const picture of pictures) yield await pixelsOf(picture, options, shape);
  }
  return {
    rows,
    columns: [{ ...spec, chunks }],
    labels: labelsFromTexts(
      pictures.map(({ label }) => label),
      findings,
    ),
  };
}

/** Of libvips' readers only three, and only from memory: no SVG, no PDF, no file that names another. */
function restrictDecoders(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadPngBuffer', 'VipsForeignLoadJpegBuffer', 'VipsForeignLoadWebpBuffer'],
  });
}

async function labelled(archive: Archive, findings: Findings): Promise<readonly Picture[]> {
  const names = [...archive.files.keys()];
  const index = names.find((name) => LABELS_FILE.test(name));
  const pictures = index === undefined ? byFolder(archive, names) : await byIndex(archive, index);
  const used = new Set(pictures.map(({ file }) => file));
  const unused = names.filter((name) => name !== index && !used.has(name));
  if (unused.length > 0) findings.add(`${unused.length} files are not used: ${listed(unused, 3)}.`);
  if (pictures.length === 0)
    refuseImport('CORRUPT_ARTIFACT', null, 'The archive holds no labelled pictures.');
  return pictures;
}

/** `class/file.png`, in the order of the names. */
function byFolder(archive: Archive, names: readonly string[]): readonly Picture[] {
  return names
    .filter((name) => IMAGE_NAME.test(name))
    .sort()
    .map((file) => {
      // Pictures of one class only: its folder is the one that all names share.
      const only = archive.folder.split('/').at(-2) ?? '';
      const [label = '', ...rest] = only !== '' && !file.includes('/') ? [only, file] : file.split('/');
      if (rest.length !== 1) {
        refuseImport(
          'CORRUPT_ARTIFACT',
          file,
          `"${file}" is not in the folder of a class. Expected CLASS/FILE for each picture, or a labels.csv with the columns file and label.`,
        );
      }
      return { file, label, source: sourceOf(archive, file) };
    });
}

/** In the order of labels.csv. */
async function byIndex(archive: Archive, index: string): Promise<readonly Picture[]> {
  const base = index.slice(0, index.lastIndexOf('/') + 1);
  const source = sourceOf(archive, index);
  if (source.size > MAX_LABELS_BYTES)
    refuseImport('LIMIT_EXCEEDED', index, `"${index}" is larger than 64 MiB.`);
  const parser = Readable.from([source.read(0, source.size)]).pipe(
    parse({
      bom: true,
      skip_empty_lines: true,
      trim: true,
      columns: (names: string[]) => names.map((name) => name.toLowerCase()),
    }),
  );
  const pictures: Picture[] = [];
  const rows = parser as AsyncIterable<Readonly<Record<string, string>>>;
  for await (const { file, label } of rows) {
    const line = pictures.length;
    if (file === undefined || label === undefined) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        index,
        `"${index}" needs the columns file and label in its first line.`,
      );
    }
    const name = `${base}${file.replace(/^(\.\/)+/, '').normalize('NFC')}`;
    if (!archive.files.has(name)) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        file,
        `Row ${line} of "${index}" names "${file}", which is not in the archive.`,
      );
    }
    pictures.push({ file: name, label, source: sourceOf(archive, name) });
  }
  return pictures;
}

function sourceOf(archive: Archive, name: string): ByteSource {
  const source = archive.files.get(name);
  if (source === undefined) throw new Error(`${name} is not in the archive.`);
  return source;
}

async function shapeOf(picture: Picture, options: DatasetOptions): Promise<Shape> {
  const found = await metadataOf(picture);
  return {
    width: options.width ?? found.width,
    height: options.height ?? found.height,
    channels: options.color === 'AS_IS' ? found.channels : options.color === 'GREY' ? 1 : 3,
  };
}

async function metadataOf(picture: Picture): Promise<Shape> {
  try {
    const { width, height, space } = await decoder(picture).metadata();
    return { width, height, channels: space === 'b-w' || space === 'grey16' ? 1 : 3 };
  } catch (error) {
    return refusePicture(picture, error);
  }
}

async function pixelsOf(picture: Picture, options: DatasetOptions, shape: Shape): Promise<Uint8Array> {
  const found = await metadataOf(picture);
  const isSize = found.width === shape.width && found.height === shape.height;
  if (options.width === null && !isSize) {
    refuseImport(
      'UNSUPPORTED_TENSOR',
      picture.file,
      `"${picture.file}" has ${found.width} × ${found.height} pixels, the first picture ${shape.width} × ${shape.height}. ` +
        'Give width and height to have all of them resized.',
    );
  }
  if (options.color === 'AS_IS' && found.channels !== shape.channels) {
    refuseImport(
      'UNSUPPORTED_TENSOR',
      picture.file,
      `"${picture.file}" is ${found.channels === 1 ? 'grey' : 'coloured'}, unlike the first picture. Choose GREY or RGB for color.`,
    );
  }
  try {
    const flat = decoder(picture).removeAlpha();
    const sized = isSize
      ? flat
      : flat.resize(shape.width, shape.height, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false });
    const coloured = shape.channels === 1 ? sized.greyscale() : sized.toColourspace('srgb');
    const { data, info } = await coloured.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.channels !== shape.channels) throw new Error(`it has ${info.channels} channels`);
    return data;
  } catch (error) {
    return refusePicture(picture, error);
  }
}

function decoder({ file, source }: Picture): Sharp {
  const bytes = source.read(0, source.size);
  if (!isPicture(bytes)) {
    refuseImport(
      'UNSUPPORTED_TENSOR',
      file,
      `"${file}" is no PNG, JPEG or WebP picture, whatever its name says.`,
    );
  }
  return sharp(bytes, {
    failOn: 'error',
    limitInputPixels: DATASET_LIMITS.maxPicturePixels,
    sequentialRead: true,
  });
}

function isPicture(bytes: Buffer): boolean {
  const head = bytes.toString('latin1', 0, 12);
  return (
    head.startsWith('\x89PNG\r\n\x1a\n') ||
    head.startsWith('\xff\xd8\xff') ||
    (head.startsWith('RIFF') && head.endsWith('WEBP'))
  );
}

function refusePicture({ file }: Picture, error: unknown): never {
  if (error instanceof Refused) throw error;
  const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  if (reason?.includes('pixel limit') === true) {
    refuseImport(
      'LIMIT_EXCEEDED',
      file,
      `"${file}" has more than ${DATASET_LIMITS.maxPicturePixels} pixels.`,
    );
  }
  return refuseImport(
    'CORRUPT_ARTIFACT',
    file,
    `The picture "${file}" cannot be read: ${reason?.replace(/\.$/, '')}.`,
  );
}

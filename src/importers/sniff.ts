/** What a file is, by its bytes; the name that the user gave it plays no part. */
import type { ByteSource } from './byte-source.js';
import { parseJson, isObject, own } from './json.js';
import { refuseImport } from './refused.js';

export type Container = 'HDF5' | 'ZIP' | 'GZIP' | 'TAR' | 'ONNX';

const HDF5_MAGIC = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
const SNIFF_BYTES = 4096;
const ACCEPTED =
  'Souk accepts Keras .h5 and .keras files, ONNX files (with data files: as one zip or tar.gz), TensorFlow SavedModels (the folder) and TensorFlow.js models (model.json with its shards), these two as one zip or tar.gz.';

/** @throws Refused with what was found and what would work */
export function sniffContainer(source: ByteSource): Container {
  const head = source.read(0, SNIFF_BYTES);
  if (head.length === 0) refuseImport('CORRUPT_ARTIFACT', null, 'The file is empty.');
  if (head.subarray(0, 8).equals(HDF5_MAGIC)) return 'HDF5';
  if (startsWith(head, 'PK\x03\x04')) return 'ZIP';
  if (startsWith(head, 'PK\x05\x06')) refuseImport('CORRUPT_ARTIFACT', null, 'The zip archive is empty.');
  if (head[0] === 0x1f && head[1] === 0x8b) return 'GZIP';
  if (head.toString('latin1', 257, 262) === 'ustar') return 'TAR';
  if (isOnnx(head)) return 'ONNX';
  if (/^\s*\{/.test(head.toString('latin1', 0, 64))) refuseJson(source);
  return refuseImport('UNSUPPORTED_FORMAT', null, `The file is ${describeForeign(head)}. ${ACCEPTED}`);
}

function refuseJson(source: ByteSource): never {
  const text = source.read(0, 1 << 20).toString('utf8');
  if (text.includes('"modelTopology"') || text.includes('"weightsManifest"')) {
    refuseImport(
      'UNSUPPORTED_FORMAT',
      'model.json',
      'The file is a TensorFlow.js model.json without its weight shards. ' +
        'Pack model.json together with its .bin files into one zip or tar.gz and upload that.',
    );
  }
  const whole = source.size <= 1 << 20 ? parseJson(text, 'The file') : null;
  const isKerasConfig = isObject(whole) && own(whole, 'class_name') !== undefined;
  return refuseImport(
    'UNSUPPORTED_FORMAT',
    null,
    isKerasConfig
      ? 'The file is a Keras architecture in JSON without weights. Save the whole model with model.save("model.keras").'
      : `The file is a JSON document that is not a model. ${ACCEPTED}`,
  );
}

const OTHER_ARCHIVE = 'which is not unpacked here; pack the files as zip or tar.gz';

/** The fields of ONNX's ModelProto that may follow its first, with their wire types; `graph` is the usual one. */
const AFTER_IR_VERSION: ReadonlySet<number> = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42]);

/** A protobuf message that begins with an ir_version; a SavedModel begins in the same way, with version 1. */
export function isOnnx(head: Buffer): boolean {
  const [tag, version = 0, next = 0] = head;
  return tag === 0x08 && version >= 2 && version <= 64 && AFTER_IR_VERSION.has(next);
}

/** What people send by mistake: how it begins, and what it is. */
const FOREIGN_MAGICS: readonly (readonly [magic: string, what: string])[] = [
  ['Rar!', `a RAR archive, ${OTHER_ARCHIVE}`],
  ['7z\xbc\xaf\x27\x1c', `a 7-Zip archive, ${OTHER_ARCHIVE}`],
  ['BZh', `compressed with bzip2, ${OTHER_ARCHIVE}`],
  ['\xfd7zXZ\0', `compressed with xz, ${OTHER_ARCHIVE}`],
  ['\x28\xb5\x2f\xfd', `compressed with zstd, ${OTHER_ARCHIVE}`],
  ['\x89PNG', 'a PNG picture, not a model'],
  ['\xff\xd8\xff', 'a JPEG picture, not a model'],
  ['%PDF', 'a PDF document, not a model'],
  [
    'version https://git-lfs.github.com/',
    'a Git LFS pointer: it names the model and does not hold it; fetch the file itself with git lfs pull',
  ],
  ['<!doctype html', 'a web page, perhaps an error page of the site that the model was to come from'],
  ['<!DOCTYPE html', 'a web page, perhaps an error page of the site that the model was to come from'],
  ['<html', 'a web page, perhaps an error page of the site that the model was to come from'],
];

/** Names a format that Souk does not read, with the way out where there is one. */
function describeForeign(head: Buffer): string {
  if (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5) {
    return 'a Python pickle, which is a program and is never loaded; export the model from its framework instead';
  }
  if (startsWith(head, '\x93NUMPY')) return 'a NumPy array; a model needs its architecture too';
  if (head.toString('latin1', 4, 8) === 'TFL3')
    return 'a TensorFlow Lite model; save the Keras model it came from';
  if (startsWith(head, 'GGUF')) return 'a GGUF language model';
  if (head.length > 9 && head.readBigUInt64LE(0) < 1n << 27n && head[8] === 0x7b) {
    return 'a safetensors file: weights without an architecture; save the whole model from its framework';
  }
  if (head[0] === 0x08 && head[1] === 0x01 && head[2] === 0x12) {
    return 'the saved_model.pb of a TensorFlow SavedModel without its variables; pack the whole folder as one zip or tar.gz';
  }
  if (head[0] === 0x0a && head.includes('Placeholder')) {
    return 'a frozen TensorFlow graph; convert it with tensorflowjs_converter';
  }
  const known = FOREIGN_MAGICS.find(([magic]) => startsWith(head, magic));
  if (known !== undefined) return known[1];
  const text = head.subarray(0, 512);
  if (!text.includes(0) && !/[^\t\n\r\x20-\x7e\x80-\xff]/.test(text.toString('latin1')))
    return 'plain text, not a model';
  return `of no known model format (it begins with ${head.subarray(0, 8).toString('hex')})`;
}

export type ArchiveContent =
  | { readonly kind: 'KERAS_V3' }
  /** `base` is the folder of `modelJson`, with its slash. */
  | { readonly kind: 'TFJS'; readonly modelJson: string; readonly base: string }
  /** `base` is the folder of `saved_model.pb`, with its slash. */
  | { readonly kind: 'SAVED_MODEL'; readonly base: string }
  /** `base` is the folder of `model`, with its slash. */
  | { readonly kind: 'ONNX'; readonly model: string; readonly base: string };

/**
 * What an archive holds, by the files in it.
 * @param isModelJson whether a `.json` file of the archive is a TFJS model; asked only when none is called model.json
 * @throws Refused when it is nothing that Souk reads
 */
export function sniffArchive(
  names: readonly string[],
  isModelJson: (name: string) => boolean,
): ArchiveContent {
  const has = (name: string): boolean => names.includes(name);
  if (has('config.json') && has('model.weights.h5')) return { kind: 'KERAS_V3' };
  if (
    has('config.json') &&
    (has('model.weights.json') || names.some((n) => /^model_\d+\.weights\.h5$/.test(n)))
  ) {
    refuseImport(
      'UNSUPPORTED_FORMAT',
      'model.weights.json',
      'The .keras file keeps its weights in shards; save it again without max_shard_size.',
    );
  }
  // Upper case comes from old file systems and tools; the exact spelling wins where both are there.
  const exact = names.filter((name) => baseName(name) === 'model.json');
  const named = exact.length > 0 ? exact : names.filter((name) => lowerBaseName(name) === 'model.json');
  const candidates =
    named.length > 0
      ? named
      : names
          .filter((n) => /\.json$/i.test(n))
          .slice(0, 16)
          .filter(isModelJson);
  if (candidates.length > 1) refuseSeveral(candidates);
  const modelJson = candidates[0];
  if (modelJson !== undefined) {
    return {
      kind: 'TFJS',
      modelJson,
      base: folderOf(modelJson),
    };
  }
  const graphs = names.filter((name) => baseName(name) === 'saved_model.pb');
  if (graphs.length > 1) refuseSeveral(graphs);
  const graph = graphs[0];
  if (graph !== undefined) {
    return { kind: 'SAVED_MODEL', base: folderOf(graph) };
  }
  const onnx = names.filter((name) => /\.onnx$/i.test(name));
  if (onnx.length > 1) refuseSeveral(onnx);
  const [model] = onnx;
  if (model !== undefined) return { kind: 'ONNX', model, base: folderOf(model) };
  return refuseArchive(names);
}

function refuseSeveral(names: readonly string[]): never {
  const listed = names.slice(0, 3).map((name) => `"${name}"`);
  return refuseImport(
    'UNSUPPORTED_FORMAT',
    names[1] ?? null,
    `The archive holds several models (${listed.join(', ')}); upload one at a time.`,
  );
}

function refuseArchive(names: readonly string[]): never {
  const find = (test: (name: string) => boolean): string | null => names.find(test) ?? null;
  const say = (subject: string, message: string): never =>
    refuseImport('UNSUPPORTED_FORMAT', subject, message);
  const torch = find((name) => baseName(name) === 'data.pkl' || baseName(name) === 'constants.pkl');
  if (torch !== null) {
    say(
      torch,
      'The archive is a PyTorch file: a Python pickle, which is a program and is never loaded. Export the model with torch.onnx.export, or convert it to Keras or TensorFlow.js.',
    );
  }
  const inner = find((name) => /\.(h5|hdf5|keras)$/i.test(name) && !/\.weights\.h5$/i.test(name));
  if (inner !== null) say(inner, `The archive holds "${inner}"; upload that file itself.`);
  const config = find((name) => lowerBaseName(name) === 'config.json');
  if (config !== null && find((name) => lowerBaseName(name) === 'metadata.json') !== null) {
    say(
      config,
      'The archive is a .keras file without "config.json" and "model.weights.h5" beside each other under these names. ' +
        'Save the whole model again with model.save("model.keras").',
    );
  }
  const tensors = find((name) => /\.(safetensors|npy|npz|weights\.h5)$/i.test(name));
  if (tensors !== null) {
    say(
      tensors,
      `The archive holds weights ("${tensors}") without an architecture that Souk reads. ${ACCEPTED}`,
    );
  }
  const shard = find((name) => /shard\d+of\d+(\.bin)?$/i.test(name));
  if (shard !== null) {
    say(shard, `The archive holds weight shards ("${shard}") without their model.json; pack both together.`);
  }
  const listed = names
    .slice(0, 5)
    .map((name) => `"${name}"`)
    .join(', ');
  return refuseImport(
    'UNSUPPORTED_FORMAT',
    null,
    `The archive holds no model (${names.length === 0 ? 'it has no files' : `files: ${listed}`}). ${ACCEPTED}`,
  );
}

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** With its slash, or `''`. */
function folderOf(name: string): string {
  return name.slice(0, name.length - baseName(name).length);
}

function lowerBaseName(name: string): string {
  return baseName(name).toLowerCase();
}

function startsWith(head: Buffer, magic: string): boolean {
  return head.toString('latin1', 0, magic.length) === magic;
}

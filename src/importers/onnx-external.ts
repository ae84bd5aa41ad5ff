/**
 * Weights that an ONNX file keeps in other files, as PyTorch and `onnx.save(…, save_as_external_data=True)` write
 * them: taken from the archive into the model itself. A location is only ever the key of a map, and still none may
 * look like a path; the engine loads one file and is told of no other.
 */
import { canonicalName, entryNameProblem } from './archive-names.js';
import type { ByteSource } from './byte-source.js';
import { IMPORT_LIMITS } from './limits.js';
import { rawByteLength } from './onnx-tensors.js';
import { intOf, messageList, textField, withFields, type FieldValue, type Message } from './onnx-wire.js';
import { refuseImport } from './refused.js';

/** What may lie beside the model: the archive's files by name. */
export interface ExternalFiles {
  readonly files: ReadonlyMap<string, ByteSource>;
  /** The folder of the model in the archive, with its slash. */
  readonly base: string;
  /** The model's own name: no data file. */
  readonly model: string;
}

export interface Inlined {
  readonly model: Message;
  /** Names of the files that held weights. */
  readonly used: ReadonlySet<string>;
}

/** Of one tensor in a data file. */
interface Place {
  readonly tensor: string;
  readonly offset: number;
  readonly length: number;
}

const EXTERNAL = 1n;
const KNOWN_KEYS: ReadonlySet<string> = new Set(['location', 'offset', 'length', 'checksum']);
/** How often all data files together may be asked for: tied weights are stored once and named twice or thrice. */
const MAX_REUSE = 4;

/**
 * The same model with every tensor's values inside, wherever the tensor stands.
 * @param beside `null` for a file that came alone
 * @throws Refused naming the tensor whose values are not where it says, or not in the archive
 */
export function inlineExternalData(model: Message, beside: ExternalFiles | null): Inlined {
  const places = new Map<string, Place[]>();
  let wanted = 0;

  const inlined = (tensor: Message): Message => {
    const name = textField(tensor, 'name') || 'a tensor without a name';
    const entries = messageList(tensor, 'external_data');
    if (entries.length === 0 && intOf(tensor, 'data_location') === 0n) return tensor;
    if (intOf(tensor, 'data_location') !== EXTERNAL) {
      refuseImport(
        'UNSUPPORTED_TENSOR',
        name,
        `The tensor "${name}" names another file for its values and says that they are in this one.`,
      );
    }
    const settings = settingsOf(entries, name);
    const location = settings.get('location') ?? '';
    if (beside === null) return refuseAlone(name, location);
    const { file, source } = dataFile(beside, location, name);
    const expected = rawByteLength(tensor, name);
    const offset = numberOf(settings.get('offset'), 'offset', name) ?? 0;
    const length = numberOf(settings.get('length'), 'length', name) ?? Math.max(0, source.size - offset);
    if (offset + length > source.size) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name,
        `The tensor "${name}" asks for ${length} bytes at ${offset} of "${file}", which has ${source.size}.`,
      );
    }
    if (length !== expected) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name,
        `The tensor "${name}" has ${length} bytes in "${file}"; its shape says ${expected}.`,
      );
    }
    wanted += length;
    checkSum(wanted, beside, [...places.keys(), file], name);
    const earlier = places.get(file) ?? [];
    if (length > 0) earlier.push({ tensor: name, offset, length });
    places.set(file, earlier);
    return withFields(tensor, {
      external_data: null,
      data_location: null,
      ...(length === 0 ? {} : { raw_data: source.read(offset, length) }),
    });
  };

  const walk = (message: Message): Message => {
    if (message.type === 'TensorProto') return inlined(message);
    const changes: Record<string, FieldValue> = {};
    for (const [name, value] of message.fields) {
      if (typeof value !== 'object' || Buffer.isBuffer(value)) continue;
      if ('fields' in value) {
        const walked = walk(value);
        if (walked !== value) changes[name] = walked;
        continue;
      }
      const items = value.map((item) => (typeof item === 'object' && 'fields' in item ? walk(item) : item));
      if (items.some((item, at) => item !== value[at])) changes[name] = items;
    }
    return Object.keys(changes).length === 0 ? message : withFields(message, changes);
  };

  const walked = walk(model);
  for (const [file, ranges] of places) checkOverlap(file, ranges);
  return { model: walked, used: new Set(places.keys()) };
}

function settingsOf(entries: readonly Message[], tensor: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const entry of entries) {
    const key = textField(entry, 'key');
    if (!KNOWN_KEYS.has(key) || settings.has(key)) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        tensor,
        `The tensor "${tensor}" says where its values are with "${key}", which is unknown or given twice.`,
      );
    }
    settings.set(key, textField(entry, 'value'));
  }
  return settings;
}

function refuseAlone(tensor: string, location: string): never {
  return refuseImport(
    'UNSUPPORTED_TENSOR',
    tensor,
    `The tensor "${tensor}" keeps its values in another file${location === '' ? '' : ` ("${location}")`}. Pack the ` +
      '.onnx file and its data files into one zip or tar.gz and upload that, or save the model with all weights ' +
      'inside: onnx.save(model, path, save_as_external_data=False).',
  );
}

function dataFile(
  { files, base, model }: ExternalFiles,
  location: string,
  tensor: string,
): { readonly file: string; readonly source: ByteSource } {
  const problem = locationProblem(location);
  if (problem !== null) {
    refuseImport(
      'UNSUPPORTED_TENSOR',
      tensor,
      `The tensor "${tensor}" keeps its values in "${location}", a name that ${problem}; only files of the archive are read.`,
    );
  }
  const file = base + canonicalName(location);
  const source = files.get(file);
  if (source === undefined || file === model) {
    return refuseImport(
      'UNSUPPORTED_TENSOR',
      tensor,
      `The tensor "${tensor}" keeps its values in "${location}", which is no data file of the archive.`,
    );
  }
  return { file, source };
}

/** Why a location is refused, or `null`. Nothing decodes it; what would mean a path elsewhere is named all the same. */
function locationProblem(location: string): string | null {
  if (/%[0-9a-f]{2}/i.test(location)) return 'is percent-encoded';
  if (location.includes('://')) return 'is an address';
  return entryNameProblem(canonicalName(location));
}

function numberOf(text: string | undefined, what: string, tensor: string): number | null {
  if (text === undefined) return null;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(number)) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      tensor,
      `The tensor "${tensor}" has the ${what} "${text}" in its data file; a whole number of bytes is expected.`,
    );
  }
  return number;
}

/** Before the bytes are read: a small file named a thousand times would be a large model. */
function checkSum(wanted: number, beside: ExternalFiles, names: readonly string[], tensor: string): void {
  const held = [...new Set(names)].reduce((sum, name) => sum + (beside.files.get(name)?.size ?? 0), 0);
  const allowed = Math.min(
    IMPORT_LIMITS.maxOnnxBytes,
    Math.max(IMPORT_LIMITS.expansionFloorBytes, held * MAX_REUSE),
  );
  if (wanted <= allowed) return;
  refuseImport(
    'LIMIT_EXCEEDED',
    tensor,
    `Up to the tensor "${tensor}" the model takes ${wanted} bytes from data files of ${held} bytes; ${allowed} are accepted.`,
  );
}

/** Two tensors may be the same bytes (tied weights); bytes in parts of two tensors are no weights of anything. */
function checkOverlap(file: string, ranges: readonly Place[]): void {
  const sorted = [...ranges].sort((a, b) => a.offset - b.offset || a.length - b.length);
  for (const [at, range] of sorted.entries()) {
    const next = sorted[at + 1];
    if (next === undefined || next.offset >= range.offset + range.length) continue;
    if (range.offset === next.offset && range.length === next.length) continue;
    refuseImport(
      'CORRUPT_ARTIFACT',
      next.tensor,
      `The tensors "${range.tensor}" and "${next.tensor}" overlap in "${file}".`,
    );
  }
}

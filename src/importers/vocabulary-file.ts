/** A text file that fills a lookup table, one entry a line, as constants. */
import type { ByteSource } from './byte-source.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';
import { numbersNode, stringsNode } from './saved-model-nodes.js';
import { DT, typeName } from './tensorflow-types.js';
import { attrOf, toNumber, type NodeProto } from './tensorflow-proto.js';

/** Of the op: what a key or a value is, unless it is a column's number. */
const WHOLE_LINE = -2;
const LINE_NUMBER = -1;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const DECIMAL = /^-?\d{1,19}$/;

/**
 * @param node the op, whose attributes say which columns are meant
 * @param types TensorFlow's, of the table's keys and values
 * @throws Refused naming the file
 */
export function readVocabulary(
  source: ByteSource,
  path: string,
  node: NodeProto,
  types: { readonly key: number; readonly value: number },
  prefix: string,
): { readonly keys: NodeProto; readonly values: NodeProto } {
  if (source.size > IMPORT_LIMITS.maxJsonBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      path,
      `${path} has ${source.size} bytes; at most ${IMPORT_LIMITS.maxJsonBytes} are read.`,
    );
  }
  const numberOf = (key: string, fallback: number): number => {
    const value = attrOf(node, key)?.i;
    return value === null || value === undefined ? fallback : toNumber(value);
  };
  const all = linesOf(source.read(0, source.size)).slice(Math.max(0, numberOf('offset', 0)));
  const wanted = numberOf('vocab_size', -1);
  if (wanted > all.length) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      path,
      `${path} has ${all.length} lines, but the graph reads ${wanted} of it.`,
    );
  }
  const lines = wanted > 0 ? all.slice(0, wanted) : all;
  const delimiter = Buffer.from(attrOf(node, 'delimiter')?.s ?? '\t').toString('latin1');
  const column = (index: number, type: number, name: string): NodeProto => {
    const cells = lines.map((line, at) => cellOf(line, at, index, delimiter));
    if (type === DT.STRING) return stringsNode(name, cells);
    if (type !== DT.INT64) {
      return refuseImport(
        'UNSUPPORTED_TENSOR',
        path,
        `The table that ${path} fills holds ${typeName(type)}; int64 and string are read from text.`,
      );
    }
    const numbers = BigInt64Array.from(cells, (cell, at) => wholeNumber(cell, path, at));
    return numbersNode(name, type, numbers.length, new Uint8Array(numbers.buffer));
  };
  return {
    keys: column(numberOf('key_index', WHOLE_LINE), types.key, `${prefix}_keys`),
    values: column(numberOf('value_index', LINE_NUMBER), types.value, `${prefix}_values`),
  };
}

/** As TensorFlow reads them: carriage returns are dropped, and a last line without an end counts. */
function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    lines.push(line.includes(CARRIAGE_RETURN) ? line.filter((byte) => byte !== CARRIAGE_RETURN) : line);
    start = end < 0 ? bytes.length : end + 1;
  }
  return lines;
}

function cellOf(line: Uint8Array, at: number, index: number, delimiter: string): Uint8Array {
  if (index === WHOLE_LINE) return line;
  if (index === LINE_NUMBER) return Buffer.from(String(at));
  return Buffer.from(Buffer.from(line).toString('latin1').split(delimiter)[index] ?? '', 'latin1');
}

function wholeNumber(cell: Uint8Array, path: string, at: number): bigint {
  const text = Buffer.from(cell).toString('latin1').trim();
  if (DECIMAL.test(text)) return BigInt.asIntN(64, BigInt(text));
  return refuseImport(
    'CORRUPT_ARTIFACT',
    path,
    `Line ${at + 1} of ${path} should hold a whole number, but holds "${text}".`,
  );
}

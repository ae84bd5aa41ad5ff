/**
 * CSV with a header row. Read twice: first to learn which columns are numbers, so that the second time each cell
 * goes straight into the array that it ends in.
 */
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { ByteSource } from '../byte-source.js';
import { Refused, refuseImport } from '../refused.js';
import { columnBytes, type AnyColumn } from './canonical.js';
import { chooseColumns, type ChosenColumns } from './choose-columns.js';
import type { Findings } from './findings.js';
import { labelsFromTexts, numberOf } from './labels.js';
import { DATASET_LIMITS } from './limits.js';
import type { Table } from './npz.js';
import { listed, refuseOption } from './refused.js';
import type { DatasetOptions } from './types.js';

const MAX_RECORD_BYTES = 8 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
const DELIMITERS = [',', ';', '\t', '|'];

/** What the first reading learns. */
interface Survey {
  readonly header: readonly string[];
  readonly chosen: ChosenColumns;
  /** For each feature. */
  readonly areNumbers: readonly boolean[];
  readonly missing: readonly number[];
  readonly labels: readonly string[];
}

/** @param head the first bytes of the file. @throws Refused, OptionRefused */
export async function readCsv(
  source: ByteSource,
  head: Buffer,
  options: DatasetOptions,
  findings: Findings,
): Promise<Table> {
  const delimiter = options.delimiter ?? guessDelimiter(head);
  const survey = await surveyOf(source, delimiter, options);
  const { chosen, areNumbers, missing, header } = survey;
  const rows = survey.labels.length;
  if (rows === 0) refuseImport('CORRUPT_ARTIFACT', null, 'The CSV file has a header and no rows.');
  const numbers = chosen.features.flatMap((_, index) => (areNumbers[index] === true ? [index] : []));
  columnBytes({ name: 'numbers', datatype: 'FP64', shape: [numbers.length] }, rows);
  for (const [index, name] of chosen.features.entries()) {
    const empty = missing[index] ?? 0;
    if (empty > 0 && areNumbers[index] === true) {
      findings.add(`"${name}" is empty in ${empty} of ${rows} rows; the model gets NaN there.`);
    }
  }
  if (chosen.ignored.length > 0) findings.add(`${listed(chosen.ignored)} are not used.`);

  const cells: (Float64Array | string[])[] = chosen.features.map((_, index) =>
    areNumbers[index] === true ? new Float64Array(rows) : [],
  );
  const positions = chosen.features.map((name) => header.indexOf(name));
  let row = -1;
  for await (const record of recordsOf(source, delimiter)) {
    if (row >= 0) {
      cells.forEach((column, index) => {
        const text = record[positions[index] ?? -1] ?? '';
        if (Array.isArray(column)) column.push(text);
        else column[row] = numberOf(text) ?? NaN;
      });
    }
    row++;
  }
  const columns = chosen.features.map((name, index): AnyColumn => {
    const column = cells[index] ?? [];
    return Array.isArray(column)
      ? { name, texts: column }
      : {
          name,
          datatype: 'FP64',
          shape: [],
          chunks: () => [new Uint8Array(column.buffer, column.byteOffset, column.byteLength)],
        };
  });
  return { rows, columns, labels: labelsFromTexts(survey.labels, findings) };
}

async function surveyOf(source: ByteSource, delimiter: string, options: DatasetOptions): Promise<Survey> {
  let header: readonly string[] | null = null;
  let chosen: ChosenColumns | null = null;
  let positions: readonly number[] = [];
  let labelAt = -1;
  const areNumbers: boolean[] = [];
  const missing: number[] = [];
  const labels: string[] = [];
  for await (const record of recordsOf(source, delimiter)) {
    if (header === null || chosen === null) {
      header = checkHeader(record);
      const names = header;
      chosen = chooseColumns(names, options);
      positions = chosen.features.map((name) => names.indexOf(name));
      labelAt = names.indexOf(chosen.label);
      for (const index of positions.keys()) {
        areNumbers[index] = true;
        missing[index] = 0;
      }
      continue;
    }
    labels.push((record[labelAt] ?? '').trim());
    if (labels.length > DATASET_LIMITS.maxRows) {
      refuseImport('LIMIT_EXCEEDED', null, `The file has more than ${DATASET_LIMITS.maxRows} rows.`);
    }
    for (const [index, position] of positions.entries()) {
      const text = record[position] ?? '';
      if (text.length > DATASET_LIMITS.maxTextBytes) {
        refuseImport(
          'LIMIT_EXCEEDED',
          chosen.features[index] ?? null,
          `A cell of row ${labels.length - 1} is too long.`,
        );
      }
      if (text.trim() === '') missing[index] = (missing[index] ?? 0) + 1;
      else if (areNumbers[index] === true && numberOf(text) === null) areNumbers[index] = false;
    }
  }
  if (header === null || chosen === null)
    return refuseImport('CORRUPT_ARTIFACT', null, 'The CSV file is empty.');
  return { header, chosen, areNumbers, missing, labels };
}

function checkHeader(record: readonly string[]): readonly string[] {
  const names = record.map((name) => name.trim());
  if (names.length < 2) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      null,
      `The first line has one cell ("${names[0] ?? ''}"); expected the names of at least two columns. Is the delimiter right?`,
    );
  }
  if (names.length > DATASET_LIMITS.maxColumns) {
    refuseImport(
      'LIMIT_EXCEEDED',
      null,
      `The file has ${names.length} columns; at most ${DATASET_LIMITS.maxColumns} are read.`,
    );
  }
  const bad = names.find(
    (name, index) => name.length > DATASET_LIMITS.maxNameCharacters || names.indexOf(name) !== index,
  );
  if (bad !== undefined) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      bad,
      `The column name "${bad}" is there twice, or is longer than ${DATASET_LIMITS.maxNameCharacters} characters.`,
    );
  }
  return names;
}

/** All lines as lists of cells, the header first. */
async function* recordsOf(source: ByteSource, delimiter: string): AsyncGenerator<readonly string[]> {
  const parser = Readable.from(piecesOf(source)).pipe(
    parse({ bom: true, delimiter, skip_empty_lines: true, max_record_size: MAX_RECORD_BYTES }),
  );
  try {
    for await (const record of parser) yield record as string[];
  } catch (error) {
    if (error instanceof Refused || !(error instanceof CsvError)) throw error;
    refuseImport(
      'CORRUPT_ARTIFACT',
      null,
      `The CSV file cannot be read: ${error.message.replace(/\.$/, '')}.`,
    );
  }
}

function* piecesOf(source: ByteSource): Generator<Buffer> {
  for (let at = 0; at < source.size; at += PIECE_BYTES) yield source.read(at, PIECE_BYTES);
}

/** The one that splits the header into most cells. */
function guessDelimiter(head: Buffer): string {
  const firstLine = head.toString('utf8').split(/\r?\n/, 1)[0] ?? '';
  const cells = (delimiter: string) => firstLine.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (cells(delimiter) > cells(best) ? delimiter : best));
}

/** @throws OptionRefused unless it is one character that may stand between cells */
export function checkDelimiter(delimiter: string | null): void {
  if (delimiter === null || (/^[^"\r\n]$/u.test(delimiter) && delimiter.length === 1)) return;
  refuseOption('delimiter', 'delimiter is one character, and neither a quote nor a line end.');
}

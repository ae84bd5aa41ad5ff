/** Bytes -> what they are -> the canonical form. Runs in the throw-away child. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { Archive } from '../archive.js';
import { readTar } from '../archive-tar.js';
import { readZip } from '../archive-zip.js';
import { fileSource } from '../byte-source.js';
import { Refused, refuseImport } from '../refused.js';
import { DATASET_FILE_NAME, specOf, writeCanonical } from './canonical.js';
import { checkDelimiter, readCsv } from './csv.js';
import { createFindings, type Findings } from './findings.js';
import { IMAGE_NAME, readImages } from './images.js';
import { DATASET_LIMITS } from './limits.js';
import { readNpz, type Table } from './npz.js';
import { OptionRefused } from './refused.js';
import type {
  DatasetFormat,
  DatasetOptions,
  DatasetRefusal,
  DatasetReport,
  DatasetRequest,
} from './types.js';

const HEAD_BYTES = 65_536;
const ACCEPTED =
  'A dataset is a CSV file with a header row, a NumPy .npz, or a zip or tar.gz of PNG, JPEG or WebP pictures with a folder for each class.';

/** Leaves the canonical form in the work directory. The one place where a refusal becomes a value. */
export async function readDataset(
  request: Pick<DatasetRequest, 'sourcePath' | 'workDirectory' | 'options'>,
): Promise<Result<DatasetReport, DatasetRefusal>> {
  const findings = createFindings();
  try {
    const { format, table } = await read(
      request.sourcePath,
      request.workDirectory,
      request.options,
      findings,
    );
    const { rows, columns, labels } = table;
    await writeCanonical(join(request.workDirectory, DATASET_FILE_NAME), rows, columns, labels);
    return ok({
      format,
      rows,
      columns: columns.map(specOf),
      labelKind: labels.kind,
      classes: labels.classes,
      findings: findings.all(),
    });
  } catch (error) {
    if (error instanceof Refused) return refuse(error.refusal);
    if (error instanceof OptionRefused) {
      return refuse({ code: 'INVALID_OPTION', message: error.message, subject: error.option });
    }
    throw error;
  }
}

async function read(
  path: string,
  workDirectory: string,
  options: DatasetOptions,
  findings: Findings,
): Promise<{ readonly format: DatasetFormat; readonly table: Table }> {
  checkDelimiter(options.delimiter);
  const fd = openSync(path, 'r');
  try {
    const source = fileSource(fd);
    const head = source.read(0, HEAD_BYTES);
    const start = head.toString('latin1', 0, 4);
    if (start === 'PK\x03\x04') {
      return await fromArchive(
        await readZip(fd, source.size, workDirectory, DATASET_LIMITS.maxArchiveEntries),
        options,
        findings,
      );
    }
    const isGzip = start.startsWith('\x1f\x8b');
    if (isGzip || head.toString('latin1', 257, 262) === 'ustar') {
      const archive = await readTar(fd, source.size, isGzip, workDirectory, DATASET_LIMITS.maxArchiveEntries);
      return await fromArchive(archive, options, findings);
    }
    refuseForeign(head);
    return { format: 'CSV', table: await readCsv(source, head, options, findings) };
  } finally {
    closeSync(fd);
  }
}

async function fromArchive(archive: Archive, options: DatasetOptions, findings: Findings) {
  const names = [...archive.files.keys()];
  if (names.length > 0 && names.every((name) => /\.npy$/i.test(name))) {
    return { format: 'NPZ', table: readNpz(archive, options, findings) } as const;
  }
  if (names.some((name) => IMAGE_NAME.test(name))) {
    return { format: 'IMAGES', table: await readImages(archive, options, findings) } as const;
  }
  return refuseImport(
    'UNSUPPORTED_FORMAT',
    null,
    `The archive holds neither pictures nor NumPy arrays. ${ACCEPTED}`,
  );
}

function refuseForeign(head: Buffer): void {
  if (head.length === 0) refuseImport('CORRUPT_ARTIFACT', null, 'The file is empty.');
  if (head.toString('latin1', 0, 6) === '\x93NUMPY') {
    refuseImport(
      'UNSUPPORTED_FORMAT',
      null,
      'The file is one NumPy array; a dataset needs labels too. Save both with numpy.savez(path, x=x, y=y).',
    );
  }
  if (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5) {
    refuseImport(
      'UNSUPPORTED_FORMAT',
      null,
      'The file is a Python pickle, which is a program and is never loaded.',
    );
  }
  if (head.includes(0)) refuseImport('UNSUPPORTED_FORMAT', null, `The file is no text. ${ACCEPTED}`);
}

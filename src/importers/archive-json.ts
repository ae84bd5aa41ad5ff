/** The JSON files of an archive. */
import type { Archive } from './archive.js';
import { parseJson } from './json.js';
import { IMPORT_LIMITS } from './limits.js';
import { refuseImport } from './refused.js';

/** @throws Refused when the archive has no such file, or the file is too large, nests too deep or is not JSON */
export function readJsonFile(archive: Archive, name: string): unknown {
  const source = archive.files.get(name);
  if (source === undefined) return refuseImport('CORRUPT_ARTIFACT', name, `The archive holds no ${name}.`);
  // Asked before the bytes are read: what parseJson refuses has been in memory by then.
  if (source.size > IMPORT_LIMITS.maxJsonBytes) {
    refuseImport(
      'LIMIT_EXCEEDED',
      name,
      `${name} has ${source.size} bytes; at most ${IMPORT_LIMITS.maxJsonBytes} are read.`,
    );
  }
  return parseJson(source.read(0, source.size).toString('utf8'), name);
}

/** Zip, by its central directory. */
import { crc32 } from 'node:zlib';
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl';
import { createArchiveBuilder, type Archive } from './archive.js';
import { Refused, refuseImport } from './refused.js';

const STORED = 0;
const DEFLATED = 8;
const FILE_TYPE_MASK = 0o170000;
const REGULAR = 0o100000;
const DIRECTORY = 0o040000;

/**
 * Unpacks the zip that `fd` holds. `fd` stays open.
 * @throws Refused for a damaged, encrypted, oversized or dishonest archive
 */
export async function readZip(
  fd: number,
  packedBytes: number,
  workDirectory: string,
  maxEntries?: number,
): Promise<Archive> {
  const builder = createArchiveBuilder(packedBytes, workDirectory, maxEntries);
  let zip: ZipFile;
  try {
    zip = await fromFdPromise(fd, { autoClose: false, lazyEntries: true, decodeStrings: false });
  } catch (error) {
    return refuseImport('CORRUPT_ARTIFACT', null, `The zip archive cannot be read: ${messageOf(error)}.`);
  }
  try {
    for await (const entry of zip.eachEntry()) await readEntry(zip, entry);
  } catch (error) {
    if (error instanceof Refused) throw error;
    refuseImport('CORRUPT_ARTIFACT', null, `The zip archive cannot be read: ${messageOf(error)}.`);
  }
  return builder.finish();

  async function readEntry(source: ZipFile, entry: Entry): Promise<void> {
    const rawName = entry.fileNameRaw.toString('utf8');
    const unixType = (entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK;
    if (unixType !== 0 && unixType !== REGULAR && unixType !== DIRECTORY) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        rawName,
        `"${rawName}" in the archive is a link or a device, not a file.`,
      );
    }
    const isDirectory = rawName.endsWith('/');
    const name = builder.admit(isDirectory ? rawName.slice(0, -1) : rawName);
    if (isDirectory || name === null) return;
    if (entry.isEncrypted()) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        name,
        `"${name}" in the archive is encrypted; upload it without a password.`,
      );
    }
    if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
      refuseImport(
        'UNSUPPORTED_FORMAT',
        name,
        `"${name}" is packed with zip method ${entry.compressionMethod}; store or deflate are read.`,
      );
    }
    const local = await source.readLocalFileHeaderPromise(entry);
    if (!local.fileName.equals(entry.fileNameRaw) || local.compressionMethod !== entry.compressionMethod) {
      refuseImport('CORRUPT_ARTIFACT', name, `The archive contradicts itself about "${name}".`);
    }
    await builder.store(
      name,
      checked(await source.openReadStreamPromise(entry), entry, name),
      entry.uncompressedSize,
    );
  }
}

/** Passes the bytes on and compares length and CRC-32 at the end; yauzl does not look at the CRC. */
async function* checked(
  stream: AsyncIterable<Uint8Array>,
  entry: Entry,
  name: string,
): AsyncIterable<Uint8Array> {
  let sum = 0;
  let length = 0;
  try {
    for await (const chunk of stream) {
      sum = crc32(chunk, sum);
      length += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
    refuseImport('CORRUPT_ARTIFACT', name, `"${name}" in the archive is damaged: ${messageOf(error)}.`);
  }
  if (sum !== entry.crc32 || length !== entry.uncompressedSize) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      name,
      `"${name}" in the archive is damaged: its checksum does not match.`,
    );
  }
}

function messageOf(error: unknown): string {
  // Our sentence ends with a full stop of its own.
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}

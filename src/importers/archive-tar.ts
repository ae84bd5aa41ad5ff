/** tar, plain or gzipped. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { createArchiveBuilder, type Archive } from './archive.js';
import { Refused, refuseImport } from './refused.js';

/**
 * Unpacks the tar that `fd` holds, through gunzip when `gzipped`. `fd` stays open.
 * @throws Refused for a damaged, oversized or dishonest archive, links and devices
 */
export async function readTar(
  fd: number,
  packedBytes: number,
  gzipped: boolean,
  workDirectory: string,
  maxEntries?: number,
): Promise<Archive> {
  const builder = createArchiveBuilder(packedBytes, workDirectory, maxEntries);
  const unpacking = extract();
  const bytes = createReadStream('', { fd, start: 0, autoClose: false });
  const feeding = gzipped ? pipeline(bytes, createGunzip(), unpacking) : pipeline(bytes, unpacking);
  // The loop below sees the same failure first; this only keeps it from being unhandled.
  feeding.catch(() => undefined);
  let entries = 0;
  try {
    for await (const entry of unpacking) {
      entries++;
      const header: Header = entry.header;
      if (header.type === 'directory') {
        builder.admit(header.name.replace(/\/+$/, '') || '.directory');
        entry.resume();
        continue;
      }
      if (header.type !== 'file') {
        refuseImport(
          'CORRUPT_ARTIFACT',
          header.name,
          `"${header.name}" in the archive is a ${header.type ?? 'thing of unknown kind'}; only files and folders are accepted.`,
        );
      }
      const name = builder.admit(header.name);
      if (name === null) entry.resume();
      else await builder.store(name, entry as AsyncIterable<Uint8Array>, header.size ?? 0);
    }
    await feeding;
  } catch (error) {
    if (error instanceof Refused) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    if (gzipped && entries === 0 && reason.startsWith('Invalid tar header')) {
      refuseImport(
        'UNSUPPORTED_FORMAT',
        null,
        'The file is compressed with gzip, but holds no tar archive. Unpack it with gunzip and upload what is inside.',
      );
    }
    refuseImport('CORRUPT_ARTIFACT', null, `The tar archive cannot be read: ${reason.replace(/\.$/, '')}.`);
  }
  if (entries === 0)
    refuseImport('CORRUPT_ARTIFACT', null, 'The file is compressed with gzip, but holds no tar archive.');
  return builder.finish();
}

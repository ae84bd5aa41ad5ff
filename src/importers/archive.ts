/**
 * The files of a zip or tar archive, with every bound checked while unpacking: nothing is written under
 * a name from the archive, links and devices are refused, sizes are counted as bytes arrive (a header
 * may lie), and what the central directory says must be what the local header says.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalName, commonFolder, entryNameProblem, isClutter } from './archive-names.js';
import { bufferSource, fileSource, type ByteSource } from './byte-source.js';
import { IMPORT_LIMITS } from './limits.js';
import { printable, refuseImport } from './refused.js';

export interface Archive {
  /** By name, without the folder that all names share. */
  readonly files: ReadonlyMap<string, ByteSource>;
  /** That folder, with its slash; empty when they share none. */
  readonly folder: string;
}

/** Collects unpacked entries and keeps count; shared by the zip and the tar reader. */
export interface ArchiveBuilder {
  /** Checks an entry's name and returns the canonical one, or `null` for clutter that is skipped. */
  admit(name: string): string | null;
  /** Takes the entry's bytes; `sizeHint` decides between memory and a numbered file. */
  store(name: string, chunks: AsyncIterable<Uint8Array>, sizeHint: number): Promise<void>;
  finish(): Archive;
}

/**
 * @param packedBytes size of the archive, for the expansion bound
 * @param workDirectory where big entries go, as `entry-N`
 * @param maxEntries files and folders; as many as a model may have when absent
 */
export function createArchiveBuilder(
  packedBytes: number,
  workDirectory: string,
  maxEntries: number = IMPORT_LIMITS.maxArchiveEntries,
): ArchiveBuilder {
  const files = new Map<string, ByteSource>();
  const seen = new Set<string>();
  const allowance = Math.min(
    IMPORT_LIMITS.maxUnpackedBytes,
    Math.max(IMPORT_LIMITS.expansionFloorBytes, packedBytes * IMPORT_LIMITS.maxExpansion),
  );
  let unpacked = 0;
  let entries = 0;

  function count(bytes: number, name: string): void {
    unpacked += bytes;
    if (unpacked > allowance) {
      refuseImport(
        'LIMIT_EXCEEDED',
        name,
        `The archive of ${packedBytes} bytes unpacks to more than ${allowance} bytes (reached in "${name}"); ` +
          `at most ${IMPORT_LIMITS.maxExpansion} times its size and ${IMPORT_LIMITS.maxUnpackedBytes} bytes are unpacked.`,
      );
    }
  }

  return {
    admit(rawName) {
      if (++entries > maxEntries) {
        refuseImport('LIMIT_EXCEEDED', null, `The archive has more than ${maxEntries} entries.`);
      }
      const name = canonicalName(rawName);
      const problem = entryNameProblem(name);
      if (problem !== null) {
        refuseImport(
          'CORRUPT_ARTIFACT',
          rawName,
          `The archive has a file name that ${problem}: "${printable(rawName)}".`,
        );
      }
      // Readers disagree on which of two entries counts; refusing the pair leaves nothing to disagree on.
      if (seen.has(name)) {
        refuseImport('CORRUPT_ARTIFACT', name, `The archive has two entries named "${name}".`);
      }
      seen.add(name);
      return isClutter(name) ? null : name;
    },
    async store(name, chunks, sizeHint) {
      if (sizeHint > IMPORT_LIMITS.memoryEntryBytes) {
        files.set(
          name,
          await spill(join(workDirectory, `entry-${files.size}`), chunks, (bytes) => count(bytes, name)),
        );
        return;
      }
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) {
        count(chunk.length, name);
        parts.push(chunk);
      }
      files.set(name, bufferSource(Buffer.concat(parts)));
    },
    finish() {
      const prefix = commonFolder([...files.keys()]);
      return {
        files: new Map([...files].map(([name, source]) => [name.slice(prefix.length), source])),
        folder: prefix,
      };
    },
  };
}

async function spill(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): Promise<ByteSource> {
  const writer = openSync(path, 'wx', 0o600);
  try {
    for await (const chunk of chunks) {
      count(chunk.length);
      for (let written = 0; written < chunk.length;) written += writeSync(writer, chunk, written);
    }
  } finally {
    closeSync(writer);
  }
  // Never closed: the child that reads it is thrown away, and the file with its work directory.
  return fileSource(openSync(path, 'r'));
}

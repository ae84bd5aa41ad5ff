// A zip archive without compression: what the uploads of the benchmark are wrapped in.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { crc32 } from 'node:zlib';

/** @param entries {[name: string, data: Uint8Array][]} */
export function zipOf(entries) {
  const locals = [];
  const centrals = [];
  let offset = 0;
  for (const [name, data] of entries) {
    const bytes = Buffer.from(name, 'utf8');
    // Version, UTF-8 names, stored, no time, checksum, both sizes, length of the name, no extra.
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x800, 2);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(bytes.length, 22);
    const at = Buffer.alloc(14);
    at.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([20, 0]);
    locals.push(magic(0x04034b50), fields, bytes, data);
    centrals.push(magic(0x02014b50), madeBy, fields, at, bytes);
    offset += 30 + bytes.length + data.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, magic(0x06054b50), end]);
}

/** All files of a folder, under their paths in it. */
export function zipOfFolder(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return zipOf(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), readFileSync(path)];
    }),
  );
}

function magic(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

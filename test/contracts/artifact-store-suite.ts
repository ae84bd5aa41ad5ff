/** What every artifact store promises, whatever it stores on. Run by one test file per kind of store. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArtifactStore } from '../../src/storage/index.js';

export interface StoreUnderTest {
  readonly store: ArtifactStore;
  /** Files that the store holds beside whole artifacts: what was left half-written. */
  leftovers(): Promise<readonly string[]>;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export async function* chunked(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

async function read(stream: Readable | null): Promise<Buffer> {
  if (stream === null) throw new Error('The store does not have these bytes.');
  return Buffer.concat(await stream.toArray());
}

async function digestsOf(store: ArtifactStore): Promise<string[]> {
  const digests: string[] = [];
  for await (const digest of store.digests()) digests.push(digest);
  return digests;
}

export function artifactStoreSuite(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`the artifact store on ${name}`, () => {
    let store: ArtifactStore;
    let leftovers: StoreUnderTest['leftovers'];
    let files: string;

    beforeAll(async () => {
      ({ store, leftovers } = await makeStore());
      files = await mkdtemp(join(tmpdir(), 'souk-store-files-'));
    });
    afterAll(() => rm(files, { recursive: true, force: true }));

    it('gives back exactly the bytes that it was given, under their SHA-256', async () => {
      const bytes = randomBytes(3_000_017);
      const put = await store.put(chunked(bytes, 65_536), { maxBytes: bytes.length });
      expect(put).toEqual({ ok: true, value: { digest: sha256(bytes), bytes: bytes.length } });
      expect(await store.stat(sha256(bytes))).toEqual({ digest: sha256(bytes), bytes: bytes.length });
      expect((await read(await store.open(sha256(bytes)))).equals(bytes)).toBe(true);
    });

    it('takes a sender of one-byte chunks as it takes any other', async () => {
      const bytes = randomBytes(40_000);
      const put = await store.put(chunked(bytes, 1), { maxBytes: bytes.length });
      expect(put.ok && put.value.digest).toBe(sha256(bytes));
    });

    it('says what the bytes hash to now, and nothing of what it does not have', async () => {
      const bytes = randomBytes(2_500_000);
      await store.put(chunked(bytes, 65_536), { maxBytes: bytes.length });
      expect(await store.rehash(sha256(bytes))).toBe(sha256(bytes));
      expect(await store.rehash(sha256(randomBytes(3)))).toBeNull();
    });

    it('reads an inclusive range', async () => {
      const bytes = randomBytes(10_000);
      await store.put(chunked(bytes, 1_000), { maxBytes: 10_000 });
      const range = await read(await store.open(sha256(bytes), { start: 17, end: 4_242 }));
      expect(range.equals(bytes.subarray(17, 4_243))).toBe(true);
    });

    it('names nothing before `keep`, and nothing at all after `discard`', async () => {
      const bytes = randomBytes(5_000);
      const kept = await store.stage(chunked(bytes, 512), { maxBytes: 5_000 });
      if (!kept.ok) throw new Error(kept.error.message);
      expect(await store.stat(sha256(bytes))).toBeNull();
      await kept.value.keep();
      await kept.value.keep();
      await kept.value.discard();
      expect(await store.stat(sha256(bytes))).toEqual({ digest: sha256(bytes), bytes: 5_000 });

      const other = randomBytes(5_000);
      const discarded = await store.stage(chunked(other, 512), { maxBytes: 5_000 });
      if (!discarded.ok) throw new Error(discarded.error.message);
      await discarded.value.discard();
      expect(await store.stat(sha256(other))).toBeNull();
      expect(await leftovers()).toEqual([]);
    });

    it('refuses one byte too many while it arrives, without reading on', async () => {
      let pulled = 0;
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) {
          pulled++;
          yield new Uint8Array(1_000);
        }
      }
      const put = await store.put(endless(), { maxBytes: 9_999 });
      expect(put).toMatchObject({ ok: false, error: { code: 'TOO_LARGE', maxBytes: 9_999 } });
      expect(pulled).toBe(10);
      expect(await leftovers()).toEqual([]);
    });

    it('refuses bytes that are not what was announced', async () => {
      const bytes = randomBytes(2_000);
      const expectedDigest = sha256(randomBytes(1));
      const put = await store.put(chunked(bytes, 512), { maxBytes: 2_000, expectedDigest });
      expect(put).toMatchObject({
        ok: false,
        error: { code: 'CHECKSUM_MISMATCH', expected: expectedDigest, actual: sha256(bytes) },
      });
      expect(await store.stat(sha256(bytes))).toBeNull();
      expect(await leftovers()).toEqual([]);
    });

    it('keeps nothing of a stream that breaks, or that ends before its announced size', async () => {
      const bytes = randomBytes(200_000);
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield bytes.subarray(0, 100_000);
        throw new Error('connection reset');
      }
      const cut = await store.put(broken(), { maxBytes: 1e6 });
      expect(cut).toMatchObject({ ok: false, error: { code: 'INTERRUPTED' } });
      const short = await store.put(chunked(bytes, 1_000), { maxBytes: 1e6, expectedBytes: 200_001 });
      expect(short).toMatchObject({ ok: false, error: { code: 'INTERRUPTED' } });
      expect(await leftovers()).toEqual([]);
    });

    it('stops waiting for a silent stream when the signal fires', async () => {
      const stop = new AbortController();
      async function* silent(): AsyncGenerator<Uint8Array> {
        yield randomBytes(10);
        setImmediate(() => stop.abort());
        await new Promise(() => undefined);
      }
      const put = await store.put(silent(), { maxBytes: 1e6, signal: stop.signal });
      expect(put).toMatchObject({ ok: false, error: { code: 'INTERRUPTED' } });
      expect(await leftovers()).toEqual([]);
    });

    it('stores the same bytes once, however many bring them at one time', async () => {
      const bytes = randomBytes(100_000);
      const puts = await Promise.all(
        Array.from({ length: 20 }, () => store.put(chunked(bytes, 7_000), { maxBytes: 100_000 })),
      );
      expect(puts.every((put) => put.ok)).toBe(true);
      expect((await digestsOf(store)).filter((digest) => digest === sha256(bytes))).toHaveLength(1);
      expect((await read(await store.open(sha256(bytes)))).equals(bytes)).toBe(true);
      expect(await leftovers()).toEqual([]);
    });

    it('adopts a file by moving it, and refuses a link in its place', async () => {
      const bytes = randomBytes(70_000);
      const path = join(files, 'model.pack');
      await writeFile(path, bytes);
      expect(await store.adopt(path)).toEqual({ ok: true, value: { digest: sha256(bytes), bytes: 70_000 } });
      await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });

      await writeFile(join(files, 'secret'), 'secret');
      await symlink(join(files, 'secret'), path);
      await expect(store.adopt(path)).rejects.toThrow();
      expect(await store.stat(sha256(Buffer.from('secret')))).toBeNull();
    });

    it('deletes for ever, lets readers finish, and does not mind deleting twice', async () => {
      const bytes = randomBytes(500_000);
      await store.put(chunked(bytes, 50_000), { maxBytes: 500_000 });
      const reader = await store.open(sha256(bytes));
      await store.deleteForever(sha256(bytes));
      await store.deleteForever(sha256(bytes));
      expect((await read(reader)).equals(bytes)).toBe(true);
      expect(await store.open(sha256(bytes))).toBeNull();
      expect(await store.stat(sha256(bytes))).toBeNull();
      expect(await digestsOf(store)).not.toContain(sha256(bytes));
    });

    it.each([
      '',
      '../../etc/passwd',
      'a'.repeat(63),
      'A'.repeat(64),
      `${'a'.repeat(64)}\n`,
      `${'a'.repeat(60)}/../`,
    ])('treats %j as a bug and never as a path', async (name) => {
      expect(() => store.localPath(name)).toThrow('64 lower-case hexadecimal digits');
      await expect(store.open(name)).rejects.toThrow('64 lower-case hexadecimal digits');
      await expect(store.stat(name)).rejects.toThrow('64 lower-case hexadecimal digits');
      await expect(store.deleteForever(name)).rejects.toThrow('64 lower-case hexadecimal digits');
    });
  });
}

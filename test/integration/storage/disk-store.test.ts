import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import { openDiskStore } from '../../../src/storage/index.js';
import { artifactStoreSuite, chunked, sha256 } from '../../contracts/artifact-store-suite.js';

let root: string;
let made = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'souk-disk-store-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function makeStore(directory = join(root, `store-${made++}`)) {
  const store = await openDiskStore({ directory, clock: systemClock });
  return { store, directory, leftovers: () => readdir(join(directory, 'tmp')) };
}

artifactStoreSuite('a local disk', () => makeStore());

describe('the disk store', () => {
  it('keeps files read-only, two folders deep, in folders that are closed to others', async () => {
    const { store, directory } = await makeStore();
    const bytes = randomBytes(100);
    await store.put(chunked(bytes, 100), { maxBytes: 100 });
    const digest = sha256(bytes);
    const path = join(directory, 'sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
    expect(store.localPath(digest)).toBe(path);
    expect((await stat(path)).mode & 0o777).toBe(0o400);
    expect((await stat(join(directory, 'sha256', digest.slice(0, 2)))).mode & 0o077).toBe(0);
  });

  it('heals a damaged copy when the same bytes arrive again', async () => {
    const { store } = await makeStore();
    const bytes = randomBytes(1_000);
    await store.put(chunked(bytes, 100), { maxBytes: 1_000 });
    const path = store.localPath(sha256(bytes));
    await chmod(path, 0o600);
    await writeFile(path, 'damaged');
    await store.put(chunked(bytes, 100), { maxBytes: 1_000 });
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  it('uses a fixed amount of memory, whatever the size', async () => {
    const { store } = await makeStore();
    const chunk = randomBytes(65_536);
    async function* large(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 4_096; i++) yield chunk;
    }
    const before = process.memoryUsage().rss;
    const put = await store.put(large(), { maxBytes: 2 ** 30 });
    expect(put.ok && put.value.bytes).toBe(256 * 1024 ** 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 ** 2);
  });

  describe('at its start', () => {
    const token = () => randomBytes(12).toString('hex');
    const host = hostname()
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '-');

    it('removes what dead processes left half-written, and nothing of a living one', async () => {
      const directory = join(root, 'with-leftovers');
      const tmp = join(directory, 'tmp');
      await mkdir(tmp, { recursive: true });
      const dead = spawnSync('true').pid;
      const ofDead = `${host}.${dead}.${token()}.part`;
      const ofLiving = `${host}.${process.ppid}.${token()}.part`;
      const ofEarlierSelf = `${host}.${process.pid}.${token()}.part`;
      const ofOtherMachine = `elsewhere.${dead}.${token()}.part`;
      for (const name of [ofDead, ofLiving, ofEarlierSelf, ofOtherMachine, 'notes.txt']) {
        await writeFile(join(tmp, name), 'half');
      }
      const beforeStart = Date.now() / 1000 - process.uptime() - 60;
      await utimes(join(tmp, ofEarlierSelf), beforeStart, beforeStart);

      const { leftovers } = await makeStore(directory);
      expect((await leftovers()).sort()).toEqual([ofLiving, ofOtherMachine, 'notes.txt'].sort());
    });
  });

  describe('on a disk that is full', () => {
    let mounted: string | null = null;
    afterEach(() => {
      if (mounted !== null) spawnSync('umount', [mounted]);
      mounted = null;
    });

    it('refuses with STORAGE_FULL, leaves nothing, and takes what still fits', async ({ skip }) => {
      const directory = join(root, 'small-disk');
      await mkdir(directory);
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory]).status !== 0) {
        skip('mounting needs root');
      }
      mounted = directory;
      const { store, leftovers } = await makeStore(directory);
      const large = randomBytes(8 * 1024 ** 2);
      const put = await store.put(chunked(large, 65_536), { maxBytes: 1e9 });
      expect(put).toMatchObject({ ok: false, error: { code: 'STORAGE_FULL' } });
      expect(await leftovers()).toEqual([]);
      const small = randomBytes(100_000);
      expect((await store.put(chunked(small, 1_000), { maxBytes: 1e9 })).ok).toBe(true);
    });

    it('copies a pack from another file system when it cannot be moved', async ({ skip }) => {
      const directory = join(root, 'other-disk');
      await mkdir(directory);
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory]).status !== 0) {
        skip('mounting needs root');
      }
      mounted = directory;
      const { store, leftovers } = await makeStore();
      const bytes = randomBytes(300_000);
      await writeFile(join(directory, 'model.pack'), bytes);
      const adopted = await store.adopt(join(directory, 'model.pack'));
      expect(adopted).toEqual({ ok: true, value: { digest: sha256(bytes), bytes: 300_000 } });
      expect(await readdir(directory)).toEqual([]);
      expect(await leftovers()).toEqual([]);
    });
  });
});

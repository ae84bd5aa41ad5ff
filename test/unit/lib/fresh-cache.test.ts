import { beforeEach, describe, expect, it } from 'vitest';
import { createFreshCache, type FreshCache } from '../../../src/lib/fresh-cache.js';

interface Fact {
  readonly name: string;
  readonly endsAt: Date | null;
}

const MAX_AGE_MS = 900;
const RENEWED_FROM_MS = 600;
let epoch = 0;
let nowMs = 0;
let cache: FreshCache<Fact>;
let reads: { resolve(fact: Fact | null): void; reject(error: Error): void }[];

beforeEach(() => {
  epoch = 0;
  nowMs = 0;
  reads = [];
  cache = createFreshCache<Fact>({
    maxEntries: 3,
    maxAgeMs: MAX_AGE_MS,
    epoch: () => epoch,
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs },
    endsAt: (fact) => fact.endsAt,
  });
});

function fact(name: string, endsAt: Date | null = null): Fact {
  return { name, endsAt };
}

/** Asks; the reading, if one begins, waits for the test. */
function ask(key = 'a'): Fact | Promise<Fact | null> {
  return cache.get(key, () => new Promise((resolve, reject) => reads.push({ resolve, reject })));
}

async function remember(key: string, value: Fact): Promise<void> {
  await cache.get(key, () => Promise.resolve(value));
}

/** What was begun or answered has taken its turns. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

async function begun(count: number): Promise<void> {
  await settled();
  expect(reads).toHaveLength(count);
}

describe('what is remembered', () => {
  it('is used at once, without another reading', async () => {
    const one = fact('one');
    await remember('a', one);
    nowMs = RENEWED_FROM_MS - 1;
    expect(ask()).toBe(one);
    await settled();
    expect(reads).toHaveLength(0);
  });

  it('is not used after a change', async () => {
    await remember('a', fact('old'));
    epoch++;
    const asked = ask();
    await begun(1);
    reads[0]?.resolve(fact('new'));
    expect((await asked)?.name).toBe('new');
  });

  it('is not used beyond its age, which counts from the beginning of its reading', async () => {
    const asked = ask();
    await begun(1);
    nowMs = 500;
    reads[0]?.resolve(fact('slow'));
    await asked;
    nowMs = RENEWED_FROM_MS - 1;
    expect(ask()).toHaveProperty('name', 'slow');
    nowMs = MAX_AGE_MS;
    expect(ask()).toBeInstanceOf(Promise);
    await begun(2);
  });

  it('is not used past its own end', async () => {
    await remember('a', fact('short', new Date(100)));
    nowMs = 99;
    expect(ask()).toHaveProperty('name', 'short');
    nowMs = 100;
    expect(ask()).toBeInstanceOf(Promise);
  });

  it('is bounded', async () => {
    for (const key of ['a', 'b', 'c', 'd']) await remember(key, fact(key));
    expect(['b', 'c', 'd'].map((key) => ask(key))).toEqual(['b', 'c', 'd'].map((key) => fact(key)));
    expect(ask('a')).toBeInstanceOf(Promise);
  });
});

describe('a reading', () => {
  it('is shared by those who ask for the same meanwhile, and by nobody else', async () => {
    const [one, two, other] = [ask(), ask(), ask('b')];
    await begun(2);
    reads[0]?.resolve(fact('shared'));
    reads[1]?.resolve(fact('other'));
    expect(await one).toBe(await two);
    expect((await other)?.name).toBe('other');
  });

  it('during which something changed is not remembered, and nobody who asks after the change gets it', async () => {
    const before = ask();
    await begun(1);
    epoch++;
    const after = ask();
    await begun(2);
    reads[0]?.resolve(fact('old'));
    expect((await before)?.name).toBe('old');
    const later = ask();
    reads[1]?.resolve(fact('new'));
    expect((await after)?.name).toBe('new');
    expect((await later)?.name).toBe('new');
    expect(ask()).toHaveProperty('name', 'new');
  });

  it('that ends after a newer one does not replace what the newer one found', async () => {
    const before = ask();
    await begun(1);
    epoch++;
    const after = ask();
    await begun(2);
    reads[1]?.resolve(fact('new'));
    await after;
    reads[0]?.resolve(fact('old'));
    await before;
    expect(ask()).toHaveProperty('name', 'new');
  });

  it('that hangs is not joined beyond the age of a fact', async () => {
    const hanging = ask();
    await begun(1);
    nowMs = MAX_AGE_MS;
    const fresh = ask();
    await begun(2);
    reads[1]?.resolve(fact('fresh'));
    expect((await fresh)?.name).toBe('fresh');
    reads[0]?.resolve(fact('hung'));
    await hanging;
    expect(ask()).toHaveProperty('name', 'fresh');
  });

  it('that finds nothing is not remembered', async () => {
    const asked = ask();
    await begun(1);
    reads[0]?.resolve(null);
    expect(await asked).toBeNull();
    void ask();
    await begun(2);
  });

  it('that fails fails for all who share it, and the next one asks again', async () => {
    const [one, two] = [ask(), ask()];
    await begun(1);
    reads[0]?.reject(new Error('away'));
    await expect(one).rejects.toThrow('away');
    await expect(two).rejects.toThrow('away');
    const again = ask();
    await begun(2);
    reads[1]?.resolve(fact('back'));
    expect((await again)?.name).toBe('back');
  });
});

describe('a fact that is asked for late in its time', () => {
  beforeEach(async () => {
    await remember('a', fact('old'));
    nowMs = RENEWED_FROM_MS;
  });

  it('is used at once and read again, once, so that nobody waits when its time is up', async () => {
    expect([ask(), ask(), ask()]).toEqual([fact('old'), fact('old'), fact('old')]);
    await begun(1);
    nowMs += 100;
    reads[0]?.resolve(fact('renewed'));
    await settled();
    expect(ask()).toHaveProperty('name', 'renewed');
    // Its age counts from the beginning of its own reading.
    nowMs = RENEWED_FROM_MS + MAX_AGE_MS - 1;
    expect(ask()).toHaveProperty('name', 'renewed');
    await begun(2);
    nowMs += 1;
    expect(ask()).toBeInstanceOf(Promise);
  });

  it('is not used longer because its reading is slow: who asks then waits for that reading', async () => {
    void ask();
    await begun(1);
    nowMs = MAX_AGE_MS;
    const asked = ask();
    expect(asked).toBeInstanceOf(Promise);
    await begun(1);
    reads[0]?.resolve(fact('slow'));
    expect((await asked)?.name).toBe('slow');
  });

  it('is gone when it is not there any more', async () => {
    void ask();
    await begun(1);
    reads[0]?.resolve(null);
    await settled();
    expect(ask()).toBeInstanceOf(Promise);
  });

  it('is good until its time is up when it cannot be read, and whoever asks then hears why', async () => {
    void ask();
    await begun(1);
    reads[0]?.reject(new Error('away'));
    await settled();
    expect(ask()).toHaveProperty('name', 'old');
    await begun(2);
    nowMs = MAX_AGE_MS;
    const asked = ask();
    reads[1]?.reject(new Error('still away'));
    await expect(asked).rejects.toThrow('still away');
  });
});

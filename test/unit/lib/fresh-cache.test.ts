import { beforeEach, describe, expect, it } from 'vitest';
import { createFreshCache, type FreshCache } from '../../../src/lib/fresh-cache.js';

interface Fact {
  readonly name: string;
  readonly endsAt: Date | null;
}

const MAX_AGE_MS = 1_000;
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
function ask(key = 'a'): Promise<Fact | null> {
  return cache.get(key, () => new Promise((resolve, reject) => reads.push({ resolve, reject })));
}

async function remember(key: string, value: Fact): Promise<void> {
  await cache.get(key, () => Promise.resolve(value));
}

async function begun(count: number): Promise<void> {
  for (let i = 0; i < 10 && reads.length < count; i++) await Promise.resolve();
  expect(reads).toHaveLength(count);
}

describe('what is remembered', () => {
  it('is used without another reading', async () => {
    const one = fact('one');
    await remember('a', one);
    expect(cache.held('a')).toBe(one);
    expect(await ask()).toBe(one);
    expect(reads).toHaveLength(0);
  });

  it('is not used after a change', async () => {
    await remember('a', fact('old'));
    epoch++;
    expect(cache.held('a')).toBeUndefined();
    const asked = ask();
    await begun(1);
    reads[0]?.resolve(fact('new'));
    expect((await asked)?.name).toBe('new');
  });

  it('is not used beyond its age, which counts from the beginning of its reading', async () => {
    const asked = ask();
    await begun(1);
    nowMs = 600;
    reads[0]?.resolve(fact('slow'));
    await asked;
    nowMs = MAX_AGE_MS - 1;
    expect(cache.held('a')?.name).toBe('slow');
    nowMs = MAX_AGE_MS;
    expect(cache.held('a')).toBeUndefined();
  });

  it('is not used past its own end', async () => {
    await remember('a', fact('short', new Date(100)));
    nowMs = 99;
    expect(cache.held('a')?.name).toBe('short');
    nowMs = 100;
    expect(cache.held('a')).toBeUndefined();
  });

  it('is bounded', async () => {
    for (const key of ['a', 'b', 'c', 'd']) await remember(key, fact(key));
    expect(['a', 'b', 'c', 'd'].map((key) => cache.held(key)?.name)).toEqual([undefined, 'b', 'c', 'd']);
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
    expect(cache.held('a')).toBeUndefined();
    reads[1]?.resolve(fact('new'));
    expect((await after)?.name).toBe('new');
    expect(cache.held('a')?.name).toBe('new');
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
    expect(cache.held('a')?.name).toBe('new');
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
    expect(cache.held('a')?.name).toBe('fresh');
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

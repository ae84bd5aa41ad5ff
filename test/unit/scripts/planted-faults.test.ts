/** Faults that `npm run campaign:planted-faults` plants are texts of sources: they must not rot unseen. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../../scripts/planted-faults/faults.mjs';
import { whyStale } from '../../../scripts/planted-faults/plant.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('a planted fault', () => {
  it.each(FAULTS)('$name still fits the source, and its tests are there', (fault) => {
    expect(whyStale(root, fault)).toBeNull();
    expect(fault.tests.length).toBeGreaterThan(0);
    for (const file of fault.tests) expect(existsSync(`${root}/${file}`), file).toBe(true);
  });

  it('has a name of its own', () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
  });

  it('whose text is gone, is there twice or has no effect is called stale', () => {
    const file = 'src/domain/metering/lease.ts';
    const fault = { name: 'x', file, tests: [] };
    expect(whyStale(root, { ...fault, file: 'src/gone.ts', find: 'a', replace: 'b' })).toMatch(/not there/);
    expect(whyStale(root, { ...fault, find: 'no such text', replace: 'b' })).toMatch(/0 times/);
    expect(whyStale(root, { ...fault, find: 'export function', replace: 'b' })).toMatch(/times in/);
    const migration = 'prisma/migrations/20261121000200_exact_quota/migration.sql';
    const find = 'CREATE FUNCTION reserve_quota(';
    expect(whyStale(root, { ...fault, find: 'LEASE_MS = 40_000', replace: 'LEASE_MS = 40_000' })).toMatch(
      /nothing/,
    );
    expect(
      whyStale(root, { ...fault, file: migration, find, replace: '', defines: 'lock_quota_counter' }),
    ).toBeNull();
  });
});

/**
 * The hostile corpus, as far as the readers refuse it: read in this process, where an exception that is no
 * refusal fails the test. What only a run shows, and the whole through a server: `npm run campaign:hostile`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HOSTILE_CORPUS, outcomeProblem } from '../../support/hostile/corpus.js';
import { FORMATS, type Bait } from '../../support/hostile/types.js';
import { readInProcess } from '../../support/hostile.js';

const SECRET = 'the secret that no answer may hold';
const directory = mkdtempSync(join(tmpdir(), 'souk-bait-'));
const bait: Bait = {
  path: join(directory, 'secret'),
  pipe: join(directory, 'pipe'),
  url: 'http://127.0.0.1:9/canary',
};
writeFileSync(bait.path, SECRET);
afterAll(() => rmSync(directory, { recursive: true }));

const read = HOSTILE_CORPUS.filter(({ outcome }) => outcome.kind === 'contained' || outcome.by === 'reader');

describe('the hostile corpus', () => {
  it('has at least 120 files over all formats, each with a name of its own', () => {
    expect(new Set(HOSTILE_CORPUS.map(({ name }) => name)).size).toBe(HOSTILE_CORPUS.length);
    expect(HOSTILE_CORPUS.length).toBeGreaterThan(120);
    for (const format of FORMATS) {
      expect(HOSTILE_CORPUS.filter((file) => file.format === format).length).toBeGreaterThan(5);
    }
  });

  it.each(read.map((file) => [file.name, file] as const))('%s', async (_name, file) => {
    const refusal = await readInProcess(await file.make(bait));
    const found =
      refusal === null ? ({ kind: 'accepted' } as const) : ({ kind: 'refused', ...refusal } as const);
    expect(outcomeProblem(file.outcome, found)).toBeNull();
    expect(JSON.stringify(refusal)).not.toContain(SECRET);
  });
});

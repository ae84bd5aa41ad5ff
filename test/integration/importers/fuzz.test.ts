/**
 * Damaged files of every format: only ever a model or a refusal. A few hundred of those that
 * `npm run campaign:fuzz-importers` runs by the ten thousand; the same in every run.
 */
import { expect, it } from 'vitest';
import { mutateJson, mutateProto } from '../../support/fuzz/mutations.js';
import { randomOf } from '../../support/fuzz/random.js';
import { runFuzz } from '../../support/fuzz/run.js';
import { fuzzTargets } from '../../support/fuzz/targets.js';
import { SOUND } from '../../support/onnx-reading.js';

const CASES = 400;

it('is a model or a refusal, read in a thread, and now and then through a whole child', async () => {
  const { failures, outcomes, throughChildren } = await runFuzz({
    cases: CASES,
    from: 1,
    target: null,
    childEvery: 10,
  });
  expect(failures).toEqual([]);
  expect(throughChildren).toBeGreaterThan(4);
  // The damage must bite: were all accepted or all refused alike, it would test nothing.
  const kinds = Object.values(outcomes).map((counts) => Object.keys(counts));
  expect(new Set(kinds.flat()).size).toBeGreaterThan(5);
  expect(kinds.filter((codes) => !codes.every((code) => code === 'ACCEPTED')).length).toBe(kinds.length);
}, 120_000);

it('damages the same bytes in the same way', async () => {
  for (const target of await fuzzTargets()) {
    expect(Buffer.compare(target.make(7), target.make(7))).toBe(0);
    expect(Buffer.compare(target.make(7), target.make(8))).not.toBe(0);
  }
});

it('keeps JSON JSON and protobuf protobuf, so that the damage gets past the parser', () => {
  const json = Buffer.from('{"a": [1, {"b": "c"}], "d": null}');
  for (let seed = 0; seed < 200; seed++) {
    expect(() => JSON.parse(Buffer.from(mutateJson(json, randomOf(seed))).toString())).not.toThrow();
  }
  const changed = Array.from({ length: 50 }, (_, seed) => mutateProto(SOUND, randomOf(seed)));
  expect(new Set(changed.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBeGreaterThan(40);
});

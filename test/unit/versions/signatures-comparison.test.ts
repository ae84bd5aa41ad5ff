import { describe, expect, it } from 'vitest';
import { compareAllSignatures } from '../../../src/domain/versions/signatures-comparison.js';
import type { NamedSignature, Signature } from '../../../src/lib/tensor.js';

const dense: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
};
const wider: Signature = { ...dense, inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }] };
const narrower: Signature = { ...dense, inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }] };
const otherOutput: Signature = { ...dense, outputs: [{ name: 'y', datatype: 'INT64', shape: [-1] }] };

const version = (signatures: Readonly<Record<string, Signature>>) => ({
  signatures: Object.entries(signatures).map(([name, signature]): NamedSignature => ({
    name,
    signature,
    batchable: true,
  })),
});

function compare(before: Readonly<Record<string, Signature>>, after: Readonly<Record<string, Signature>>) {
  const { verdict, differences } = compareAllSignatures(version(before), version(after));
  const told = differences.map(({ signature, change, side }) => `${signature} ${side ?? 'whole'} ${change}`);
  return [verdict, ...told];
}

describe('versions with several signatures', () => {
  it('are compatible with themselves, in any order but of the first', () => {
    const three = { serving_default: dense, classify: otherOutput, embed: wider };
    expect(compare(three, three)).toEqual(['COMPATIBLE']);
    expect(compare(three, { serving_default: dense, embed: wider, classify: otherOutput })).toEqual([
      'COMPATIBLE',
    ]);
  });

  it('break callers of a signature that is gone, and widen with one more', () => {
    const [one, two] = [{ a: dense }, { a: dense, b: otherOutput }];
    expect(compare(two, one)).toEqual(['BREAKING', 'b whole REMOVED']);
    expect(compare(one, two)).toEqual(['WIDENING', 'b whole ADDED']);
    const { differences } = compareAllSignatures(version(two), version(one));
    expect(differences).toEqual([
      {
        signature: 'b',
        change: 'REMOVED',
        verdict: 'BREAKING',
        side: null,
        name: null,
        dimension: null,
        before: null,
        after: null,
        message: 'The signature "b" is gone: requests that name it are refused.',
      },
    ]);
  });

  it('break when a signature does that does not answer by default, said with its name and first', () => {
    const before = { serving_default: dense, embed: dense };
    const after = { serving_default: wider, embed: narrower };
    expect(compare(before, after)).toEqual([
      'BREAKING',
      'embed INPUT DIMENSION',
      'serving_default INPUT DIMENSION',
    ]);
    const [first] = compareAllSignatures(version(before), version(after)).differences;
    expect(first?.message).toBe(
      'In the signature "embed": the input "x" took 3 and now takes only 4 in dimension 1.',
    );
  });

  it('break who names none when another one answers by default', () => {
    const before = { a: dense, b: otherOutput };
    const after = { b: otherOutput, a: dense };
    const { verdict, differences } = compareAllSignatures(version(before), version(after));
    expect(verdict).toBe('BREAKING');
    expect(new Set(differences.map(({ signature }) => signature))).toEqual(new Set(['a']));
    expect(differences[0]?.message).toMatch(
      /^For who names no signature \(before "a", now "b"\): the output "y" was FP32/,
    );
    // The same behaviour under another name breaks only who names it.
    expect(compare({ a: dense }, { b: dense })).toEqual(['BREAKING', 'a whole REMOVED', 'b whole ADDED']);
  });

  it('say the tensors alone where there is one signature of one name', () => {
    const [difference] = compareAllSignatures(version({ a: dense }), version({ a: narrower })).differences;
    expect(difference?.message).toBe('The input "x" took 3 and now takes only 4 in dimension 1.');
  });
});

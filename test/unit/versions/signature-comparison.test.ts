/** The gate against the real check of inputs: what it lets through breaks no caller. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkInputs } from '../../../src/domain/predictions/index.js';
import type { RawTensor } from '../../../src/lib/raw-tensor.js';
import {
  compareSignatures,
  COMPATIBILITIES,
  type TensorDifference,
} from '../../../src/domain/versions/signature-comparison.js';
import { hasBatchDimension, type Signature, type TensorSpec } from '../../../src/lib/tensor.js';

const LIMITS = { maxRows: Number.MAX_SAFE_INTEGER, maxBytes: 64 * 1024 ** 2 };
const ROWS = 5;

const x = (over: Partial<TensorSpec> = {}): TensorSpec => {
  return { name: 'x', datatype: 'FP32', shape: [-1, 2], ...over };
};
const y = (over: Partial<TensorSpec> = {}): TensorSpec => x({ name: 'y', ...over });
const signature = (inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): Signature => {
  return { inputs, outputs };
};
const BASE = signature([x()], [y()]);

function summary({ change, side, name, verdict }: TensorDifference): string {
  return `${verdict} ${side} ${change} ${name}`;
}
function compare(before: Signature, after: Signature) {
  const { verdict, differences } = compareSignatures(before, after);
  return [verdict, ...differences.map(summary)];
}

describe('each difference has its verdict', () => {
  const cases: readonly [string, Signature, Signature, readonly string[]][] = [
    ['nothing', BASE, BASE, ['COMPATIBLE']],
    [
      'an input that is new',
      BASE,
      signature([x(), x({ name: 'z', datatype: 'INT32' })], [y()]),
      ['BREAKING', 'BREAKING INPUT ADDED z'],
    ],
    [
      'an input that is gone',
      signature([x(), x({ name: 'z' })], [y()]),
      BASE,
      ['BREAKING', 'BREAKING INPUT REMOVED z'],
    ],
    [
      'an input of another name',
      BASE,
      signature([x({ name: 'image' })], [y()]),
      ['BREAKING', 'BREAKING INPUT RENAMED x'],
    ],
    [
      'an input of another datatype',
      BASE,
      signature([x({ datatype: 'FP64' })], [y()]),
      ['BREAKING', 'BREAKING INPUT DATATYPE x'],
    ],
    [
      'an input of another rank',
      BASE,
      signature([x({ shape: [-1, 2, 1] })], [y()]),
      ['BREAKING', 'BREAKING INPUT RANK x'],
    ],
    [
      'an input that takes any length',
      BASE,
      signature([x({ shape: [-1, -1] })], [y()]),
      ['WIDENING', 'WIDENING INPUT DIMENSION x'],
    ],
    [
      'an input that takes one length only',
      BASE,
      signature([x({ shape: [1, 2] })], [y()]),
      ['BREAKING', 'BREAKING INPUT DIMENSION x'],
    ],
    [
      'an input of another length',
      BASE,
      signature([x({ shape: [-1, 3] })], [y()]),
      ['BREAKING', 'BREAKING INPUT DIMENSION x'],
    ],
    [
      'inputs in another order',
      signature([x(), x({ name: 'z' })], [y()]),
      signature([x({ name: 'z' }), x()], [y()]),
      ['COMPATIBLE'],
    ],
    [
      'inputs that must agree on their rows now',
      signature([x({ shape: [-1] }), x({ name: 'z', shape: [2] })], [y({ shape: [-1] })]),
      signature([x({ shape: [-1] }), x({ name: 'z', shape: [-1] })], [y({ shape: [-1] })]),
      ['BREAKING', 'BREAKING INPUT BATCH null', 'WIDENING INPUT DIMENSION z'],
    ],
    [
      'an output that is new',
      BASE,
      signature([x()], [y(), y({ name: 'p' })]),
      ['WIDENING', 'WIDENING OUTPUT ADDED p'],
    ],
    [
      'an output that is new in front',
      BASE,
      signature([x()], [y({ name: 'p', datatype: 'INT32' }), y()]),
      ['BREAKING', 'BREAKING OUTPUT ORDER y', 'WIDENING OUTPUT ADDED p'],
    ],
    [
      'an output that is gone',
      signature([x()], [y(), y({ name: 'p' })]),
      BASE,
      ['BREAKING', 'BREAKING OUTPUT REMOVED p'],
    ],
    [
      'an output of another name',
      BASE,
      signature([x()], [y({ name: 'p' })]),
      ['BREAKING', 'BREAKING OUTPUT RENAMED y'],
    ],
    [
      'an output of another datatype',
      BASE,
      signature([x()], [y({ datatype: 'INT64' })]),
      ['BREAKING', 'BREAKING OUTPUT DATATYPE y'],
    ],
    [
      'an output of any length',
      BASE,
      signature([x()], [y({ shape: [-1, -1] })]),
      ['BREAKING', 'BREAKING OUTPUT DIMENSION y'],
    ],
    [
      'an output of one length',
      signature([x()], [y({ shape: [-1, -1] })]),
      BASE,
      ['WIDENING', 'WIDENING OUTPUT DIMENSION y'],
    ],
    [
      'an output that no longer has a row for each of the inputs',
      BASE,
      signature([x()], [y({ shape: [1, 2] })]),
      ['BREAKING', 'BREAKING OUTPUT DIMENSION y'],
    ],
  ];
  it.each(cases)('%s', (_what, before, after, expected) => {
    expect(compare(before, after)).toEqual(expected);
  });

  it('and its words: which tensor, what it was, what it is', () => {
    const after = signature([x({ shape: [-1, -1], name: 'image' })], [y({ datatype: 'INT64' })]);
    expect(compareSignatures(BASE, after).differences.map(({ message }) => message)).toEqual([
      'The input "x" is gone: requests with it are refused.',
      'The input "image" is new: requests without it are refused.',
      'The output "y" was FP32 and is INT64 now.',
    ]);
  });
});

// Few names, types and lengths, so that two signatures often have something in common.
const spec = (names: readonly string[]) =>
  fc.record({
    name: fc.constantFrom(...names),
    datatype: fc.constantFrom('FP32' as const, 'INT32' as const, 'BOOL' as const),
    shape: fc.array(fc.constantFrom(-1, -1, 1, 2, 3), { maxLength: 3 }),
  });
const specs = (names: readonly string[], minLength: number) =>
  fc.uniqueArray(spec(names), { selector: ({ name }) => name, minLength, maxLength: 3 });
const signatures = fc.record({ inputs: specs(['a', 'b', 'c'], 1), outputs: specs(['p', 'q', 'r'], 1) });

/** The signature with some of its tensors a little different, or one more or less. */
const neighbours = (before: Signature) => {
  // Mostly the changes that may pass, so that enough of them do.
  const near = (tensors: readonly TensorSpec[], more: readonly string[], edit: string) =>
    fc
      .tuple(
        fc.oneof(
          { weight: 6, arbitrary: fc.constant([...tensors]) },
          { weight: 1, arbitrary: fc.shuffledSubarray([...tensors], { minLength: 1 }) },
        ),
        fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: spec(more) }),
        fc.array(
          fc.oneof(
            { weight: 8, arbitrary: fc.constant('same') },
            { weight: 3, arbitrary: fc.constant(edit) },
            { weight: 1, arbitrary: fc.constantFrom('free', 'fixed') },
          ),
          { minLength: 12, maxLength: 12 },
        ),
      )
      .map(([kept, added, edits]) => {
        const edited = kept.map((tensor, i) => ({
          ...tensor,
          shape: tensor.shape.map((dimension, d) => {
            const edit = edits[i * 3 + d];
            return edit === 'free' ? -1 : edit === 'fixed' && dimension === -1 ? 2 : dimension;
          }),
        }));
        return added !== null && !edited.some(({ name }) => name === added.name)
          ? [...edited, added]
          : edited;
      });
  return fc.record({
    inputs: near(before.inputs, ['d'], 'free'),
    outputs: near(before.outputs, ['s'], 'fixed'),
  });
};
const pairsOfSignatures = fc.oneof(
  fc.tuple(signatures, signatures),
  signatures.chain((before) => fc.tuple(fc.constant(before), neighbours(before))),
  signatures.chain((before) => fc.tuple(fc.constant(before), neighbours(before))),
);

/** A request that is good for the signature: free dimensions of any length, the batch agreed upon where there is one. */
const requestFor = (of: Signature) =>
  fc
    .tuple(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 9, maxLength: 9 }),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([lengths, isNamed, isReversed]): RawTensor[] => {
      const raw = of.inputs.map((input, i): RawTensor => {
        const shape = input.shape.map((dimension, d) => {
          if (dimension !== -1) return dimension;
          return d === 0 && hasBatchDimension(of) ? ROWS : (lengths[i * 3 + d] ?? 1);
        });
        const count = shape.reduce((product, length) => product * length, 1);
        const one = input.datatype === 'BOOL' ? true : 1;
        const isNameless = of.inputs.length === 1 && !isNamed;
        const data = shape.length === 0 ? one : Array.from({ length: count }, () => one);
        return {
          ...(isNameless ? {} : { name: input.name }),
          datatype: input.datatype,
          shape,
          data,
        };
      });
      return isReversed ? raw.reverse() : raw;
    });

describe('the gate', () => {
  it('finds no difference between a signature and itself', () => {
    fc.assert(
      fc.property(signatures, (of) => {
        expect(compareSignatures(of, structuredClone(of))).toEqual({
          verdict: 'COMPATIBLE',
          differences: [],
        });
      }),
    );
  });

  it('never lets a version pass that refuses what was good before', () => {
    let met = 0;
    fc.assert(
      fc.property(
        pairsOfSignatures.chain(([before, after]) =>
          fc.tuple(fc.constant(before), fc.constant(after), requestFor(before)),
        ),
        ([before, after, request]) => {
          expect(checkInputs(before, request, LIMITS).ok).toBe(true);
          if (compareSignatures(before, after).verdict === 'BREAKING') return;
          met++;
          expect(checkInputs(after, request, LIMITS)).toMatchObject({ ok: true });
        },
      ),
      { numRuns: 3_000 },
    );
    expect(met).toBeGreaterThan(300);
  });

  it('calls nothing BREAKING on the side of the inputs without a request that breaks', () => {
    fc.assert(
      fc.property(pairsOfSignatures, ([before, after]) => {
        const { differences } = compareSignatures(before, after);
        const breaking = differences.filter(
          ({ side, verdict }) => side === 'INPUT' && verdict === 'BREAKING',
        );
        if (breaking.length === 0) return;
        const tried = fc.sample(requestFor(before), 60);
        expect(
          tried.some((request) => !checkInputs(after, request, LIMITS).ok),
          JSON.stringify([before, after, breaking]),
        ).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps every output that callers read by name, of the same type and rank, in its place', () => {
    fc.assert(
      fc.property(pairsOfSignatures, ([before, after]) => {
        if (compareSignatures(before, after).verdict === 'BREAKING') return;
        for (const [i, output] of before.outputs.entries()) {
          const found = after.outputs[i];
          expect(found).toMatchObject({ name: output.name, datatype: output.datatype });
          expect(found?.shape).toHaveLength(output.shape.length);
          output.shape.forEach((was, d) => {
            if (was !== -1) expect(found?.shape[d]).toBe(was);
          });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('has a verdict that is the worst of the differences, which name the tensor and come worst first', () => {
    fc.assert(
      fc.property(pairsOfSignatures, ([before, after]) => {
        const { verdict, differences } = compareSignatures(before, after);
        const ranks = differences.map((one) => COMPATIBILITIES.indexOf(one.verdict));
        expect(COMPATIBILITIES.indexOf(verdict)).toBe(Math.max(0, ...ranks));
        expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
        const names = [...before.inputs, ...before.outputs, ...after.inputs, ...after.outputs].map(
          ({ name }) => name,
        );
        for (const one of differences) {
          if (one.change !== 'BATCH') expect(names).toContain(one.name);
          if (one.name !== null) expect(one.message).toContain(`"${one.name}"`);
        }
      }),
    );
  });

  it('knows rows that follow the inputs by these, whatever other outputs there are', () => {
    const input = { name: 'x', datatype: 'FP32' as const, shape: [-1, 2] };
    const rows = (count: number) => ({ name: 'y', datatype: 'FP32' as const, shape: [count, 1] });
    const summary = { name: 'z', datatype: 'FP32' as const, shape: [3] };
    const before = { inputs: [input], outputs: [rows(-1), summary] };
    expect(compareSignatures({ inputs: [input], outputs: [rows(-1)] }, before).verdict).toBe('WIDENING');
    const { verdict, differences } = compareSignatures(before, {
      inputs: [input],
      outputs: [rows(2), summary],
    });
    expect(verdict).toBe('BREAKING');
    expect(differences[0]?.message).toContain('had a row for each row of the inputs');
  });

  it('adds up: what may follow what may follow a version may follow it', () => {
    const chains = pairsOfSignatures.chain(([a, b]) =>
      fc.tuple(fc.constant(a), fc.constant(b), fc.oneof(signatures, neighbours(b))),
    );
    fc.assert(
      fc.property(chains, ([a, b, c]) => {
        const steps = [compareSignatures(a, b).verdict, compareSignatures(b, c).verdict];
        if (!steps.includes('BREAKING')) expect(compareSignatures(a, c).verdict).not.toBe('BREAKING');
      }),
      { numRuns: 3_000 },
    );
  });
});

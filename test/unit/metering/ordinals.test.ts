import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  addOrdinals,
  formatOrdinals,
  parseOrdinals,
  takeHighest,
  takeLowest,
  type Ordinals,
} from '../../../src/domain/metering/ordinals.js';

const members = (ordinals: Ordinals) =>
  ordinals.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));

it('whatever is taken and put back, each is there once, and the lowest go first', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'lowest' as const }),
    fc.record({ kind: fc.constant('highest' as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('back' as const), at: fc.nat({ max: 50 }) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
      const ordinals = parseOrdinals(`{[1,${size + 1})}`);
      const there = new Set(members(ordinals));
      const out: number[] = [];
      for (const one of steps) {
        const sorted = [...there].sort((a, b) => a - b);
        if (one.kind === 'lowest' && there.size > 0) {
          expect(takeLowest(ordinals)).toBe(sorted[0]);
          out.push(sorted[0]!);
          there.delete(sorted[0]!);
        } else if (one.kind === 'highest') {
          const taken = members(takeHighest(ordinals, one.count));
          expect(taken).toEqual(sorted.slice(-one.count));
          for (const gone of taken) there.delete(gone);
        } else if (one.kind === 'back' && out.length > 0) {
          const [back] = out.splice(one.at % out.length, 1);
          addOrdinals(ordinals, [{ from: back!, to: back! + 1 }]);
          there.add(back!);
        }
        expect(members(ordinals)).toEqual([...there].sort((a, b) => a - b));
        expect(parseOrdinals(formatOrdinals(ordinals))).toEqual(ordinals);
      }
    }),
  );
});

it('a lease that has none left is a defect, and says so', () => {
  expect(() => takeLowest([])).toThrow('has a place for each of its units');
});

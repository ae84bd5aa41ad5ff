import { describe, expect, it } from 'vitest';
import { createRefuseIfFull } from '../../../src/domain/predictions/refuse-if-full.js';
import type { InferenceRefusal } from '../../../src/inference/index.js';
import { newId } from '../../../src/lib/ids.js';
import { ok, refuse } from '../../../src/lib/result.js';
import { keyOf, ownerOf } from '../../support/actors.js';

const FULL: InferenceRefusal = { code: 'OVERLOADED', message: 'Full.', retryAfterMs: 12.3 };
const LIMITED = { code: 'RATE_LIMITED', message: 'Slowly.', retryAfterMs: 1 } as const;

function world({ isFull = true, isTooFast = false, mayBeFull = true } = {}) {
  const counts = { asked: 0, left: 0, noted: 0, observed: 0 };
  const refuseIfFull = createRefuseIfFull({
    queue: {
      mayBeFull: () => mayBeFull,
      foresee: () => (isFull ? FULL : null),
      noteRefusal: () => void (counts.noted += 1),
    },
    metering: {
      admit: () => {
        counts.asked += 1;
        return isTooFast ? refuse(LIMITED as never) : ok({ leave: () => void (counts.left += 1) });
      },
    },
    onRefused: () => void (counts.observed += 1),
  });
  return { refuseIfFull, counts };
}

const owner = ownerOf(newId('tenant'));

describe('a prediction at the entrance', () => {
  it('of a tenant whose queue is full is refused, and counts everywhere as one that was asked for', () => {
    const { refuseIfFull, counts } = world();
    expect(refuseIfFull(owner)).toEqual({ code: 'OVERLOADED', message: 'Full.', retryAfterMs: 13 });
    expect(counts).toEqual({ asked: 1, left: 1, noted: 1, observed: 1 });
  });

  it.each([
    ['has room', { isFull: false }, owner, 0],
    ['has room, as has everybody', { mayBeFull: false }, owner, 0],
    ['asks too fast, which the corridor says', { isTooFast: true }, owner, 1],
    ['may run nothing, which the corridor says', {}, keyOf(owner, 'MODEL_READ'), 0],
  ] as const)('of a tenant who %s passes, and counts nowhere', (_, how, actor, asked) => {
    const { refuseIfFull, counts } = world(how);
    expect(refuseIfFull(actor)).toBeNull();
    expect(counts).toEqual({ asked, left: 0, noted: 0, observed: 0 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TenantActor } from '../../../src/domain/access/index.js';
import { createAdmission } from '../../../src/domain/metering/admission.js';

function keyOf(apiKeyId: string, tenantId = 'ten_1'): TenantActor {
  return { kind: 'apiKey', apiKeyId, tenantId, permissions: new Set(), requestId: 'req_1' };
}

function at(limits: { perMinute?: number; atOnce?: number; maxKeys?: number }) {
  let nowMs = 1000;
  const enter = createAdmission({
    clock: { now: () => new Date(), monotonicMs: () => nowMs },
    predictionsPerMinutePerKey: limits.perMinute ?? 60_000,
    maxConcurrentPerTenant: limits.atOnce ?? 1000,
    maxKeys: limits.maxKeys ?? 100,
  });
  return { enter, pass: (ms: number) => (nowMs += ms) };
}

describe('the rate of a key', () => {
  it('after a refusal, waiting exactly as long as told is enough, and less is not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 50 }),
        (perMinute, gaps) => {
          const { enter, pass } = at({ perMinute });
          for (const gap of gaps) {
            pass(gap);
            while (enter(keyOf('key_1')).ok);
            const refused = enter(keyOf('key_1'));
            if (refused.ok) throw new Error('Only refusals end the loop.');
            const { retryAfterMs } = refused.error;
            expect(Number.isInteger(retryAfterMs) && retryAfterMs >= 1).toBe(true);
            pass(retryAfterMs - 1);
            expect(enter(keyOf('key_1')).ok).toBe(false);
            pass(1);
            expect(enter(keyOf('key_1')).ok).toBe(true);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('does not count against another key', () => {
    const { enter } = at({ perMinute: 1 });
    expect([enter(keyOf('key_1')).ok, enter(keyOf('key_1')).ok, enter(keyOf('key_2')).ok]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('predictions of a tenant at once', () => {
  it('stop at the limit, count over all its keys, and make room when one leaves', () => {
    const { enter, pass } = at({ atOnce: 2 });
    const first = enter(keyOf('key_1'));
    expect(enter(keyOf('key_2')).ok).toBe(true);
    expect(enter(keyOf('key_3'))).toMatchObject({ ok: false, error: { code: 'RATE_LIMITED' } });
    expect(enter(keyOf('key_3', 'ten_2')).ok).toBe(true);
    pass(100);
    if (first.ok) {
      first.value.leave();
      first.value.leave();
    }
    expect([enter(keyOf('key_3')).ok, enter(keyOf('key_3')).ok]).toEqual([true, false]);
  });
});

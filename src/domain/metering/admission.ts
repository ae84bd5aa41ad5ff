/**
 * How fast and how many at once: in this process, before the database is asked. The number of keys remembered is
 * bounded; one that is forgotten starts afresh, which only errs in the caller's favour.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import { admitGcra, type GcraRate } from '../../lib/gcra.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { TenantActor } from '../access/index.js';
import { tooFast, tooMany, type RateLimited } from './errors.js';

export interface AdmissionOptions {
  readonly clock: Clock;
  /** For each API key or signed-in user. */
  readonly predictionsPerMinutePerKey: number;
  readonly maxConcurrentPerTenant: number;
  /** Keys whose rate is remembered. */
  readonly maxKeys?: number;
}

/** A place among the tenant's running predictions. */
export interface Admission {
  /** Gives the place back; a second call does nothing. */
  readonly leave: () => void;
}

/** A place, or RATE_LIMITED with the time after which to come back. */
export interface Admit {
  (actor: TenantActor): Result<Admission, RateLimited>;
  /** What it would be refused with now; takes no place, and is no arrival. */
  readonly peek: (actor: TenantActor) => RateLimited | null;
}

interface Running {
  count: number;
  /** Moving mean of how long a place was held. */
  meanHeldMs: number;
}

const DEFAULT_MAX_KEYS = 50_000;
const MEAN_WEIGHT = 0.1;

export function createAdmission(options: AdmissionOptions): Admit {
  const { clock, maxConcurrentPerTenant } = options;
  const perMinute = options.predictionsPerMinutePerKey;
  // A whole minute's allowance may come at once: programs work in bursts, and the long run is what is limited.
  const rate: GcraRate = { burst: perMinute, intervalMs: 60_000 / perMinute };
  const arrivals = new LRUCache<string, number>({ max: options.maxKeys ?? DEFAULT_MAX_KEYS });
  // One entry for each tenant with something running: bounded by what runs.
  const running = new Map<string, Running>();

  function look(actor: TenantActor, nowMs: number): Result<{ key: string; tatMs: number }, RateLimited> {
    const mine = running.get(actor.tenantId);
    if (mine !== undefined && mine.count >= maxConcurrentPerTenant) {
      // Places fall free one after the other: on average one within the mean time held, divided by their number.
      const retryAfterMs = Math.max(1, Math.ceil(mine.meanHeldMs / maxConcurrentPerTenant));
      return refuse(tooMany(maxConcurrentPerTenant, retryAfterMs));
    }
    const key = actor.kind === 'apiKey' ? actor.apiKeyId : `${actor.tenantId} ${actor.userId}`;
    const decision = admitGcra(arrivals.get(key) ?? null, rate, nowMs);
    if (!decision.admitted) return refuse(tooFast(perMinute, Math.ceil(decision.retryAfterMs)));
    return ok({ key, tatMs: decision.tatMs });
  }

  function enter(actor: TenantActor): Result<Admission, RateLimited> {
    const nowMs = clock.monotonicMs();
    const found = look(actor, nowMs);
    if (!found.ok) return found;
    arrivals.set(found.value.key, found.value.tatMs);
    const mine = running.get(actor.tenantId) ?? { count: 0, meanHeldMs: 0 };
    mine.count += 1;
    running.set(actor.tenantId, mine);

    let left = false;
    return ok({
      leave: () => {
        if (left) return;
        left = true;
        mine.count -= 1;
        mine.meanHeldMs += (clock.monotonicMs() - nowMs - mine.meanHeldMs) * MEAN_WEIGHT;
        if (mine.count === 0) running.delete(actor.tenantId);
      },
    });
  }

  function peek(actor: TenantActor): RateLimited | null {
    const found = look(actor, clock.monotonicMs());
    return found.ok ? null : found.error;
  }

  return Object.freeze(Object.assign(enter, { peek }));
}

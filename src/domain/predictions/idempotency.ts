/**
 * One execution per idempotency key and tenant, however many ask at once, in however many processes. In this process
 * the others wait for the first one's promise; across processes they look again until it has answered.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { idempotencyMismatch, type PredictRefusals } from './errors.js';
import type { Patience } from './patience.js';
import type { Prediction } from './prediction.js';
import type { Claim, PredictionsStore } from './store.js';

export type Outcome = Result<Prediction, PredictRefusals>;

export interface IdempotentRequest {
  readonly tenantId: string;
  readonly key: string;
  /** See `requestHash`. */
  readonly hash: string;
  readonly patience: Patience;
  /** Runs the request; records its answer under the claim, in the transaction of the charge. */
  execute(claim: Claim): Promise<Outcome>;
}

interface Flight {
  readonly hash: string;
  readonly outcome: Promise<Outcome>;
}

export interface IdempotencyDeps {
  readonly store: PredictionsStore;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  /** How long a claim outlives the timeout of its request; then its process counts as dead. */
  readonly claimMarginMs: number;
}

/** A claim that may still stand in the database although nothing runs under it. */
interface Debt {
  readonly tenantId: string;
  readonly claim: Claim;
}

const FIRST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 250;
/** Claims that could not be given back and are remembered; one that is forgotten expires by itself. */
const MAX_OWED = 10_000;

export interface Idempotency {
  /** Answers an idempotent request: by running it, or with the recorded answer. */
  answer(request: IdempotentRequest): Promise<Outcome>;
  /**
   * Gives back the claims that could not be given back when their requests failed, so that other processes need not wait
   * until they expire. Safe at any time: nothing runs under them here any more, and nobody else ever does. @throws when the
   * database is away still
   */
  giveBackClaimsAcrossTenants(): Promise<void>;
}

export function createIdempotency(deps: IdempotencyDeps): Idempotency {
  const { store, clock, log } = deps;
  // One entry for each key that runs in this process now: bounded by what runs.
  const flights = new Map<string, Flight>();
  // Of this process, whose database was away.
  const owed = new LRUCache<string, Debt>({ max: MAX_OWED });

  /** Runs it under a claim of its own, or waits for whoever has the claim. */
  async function lead(request: IdempotentRequest): Promise<Outcome> {
    const { tenantId, key, hash, patience } = request;
    const debt = owed.get(`${tenantId} ${key}`);
    if (debt !== undefined) await payBack(debt);
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(lookMs * 2, LONGEST_LOOK_MS)) {
      const now = clock.now();
      const expiresAt = new Date(now.getTime() + patience.timeoutMs + deps.claimMarginMs);
      const answer = await claim(request, now, expiresAt);
      if (answer.state === 'CLAIMED') return runClaimed(request, answer.claim);
      if (answer.requestHash !== hash) return refuse([idempotencyMismatch()]);
      if (answer.state === 'ANSWERED') return ok(replayOf(answer.prediction));
      await patience.pause(lookMs);
      const over = patience.over();
      if (over !== null) return refuse([over]);
    }
  }

  /** Where the answer to a claim is lost, the claim may have been made. */
  async function claim({ tenantId, key, hash }: IdempotentRequest, now: Date, expiresAt: Date) {
    try {
      return await store.claim(tenantId, key, hash, now, expiresAt);
    } catch (error) {
      owe(tenantId, { key, expiresAt, madeAt: now });
      throw error;
    }
  }

  function owe(tenantId: string, claim: Claim): void {
    owed.set(`${tenantId} ${claim.key}`, { tenantId, claim });
  }

  /** Gives back what an earlier request with the key could not. One that was answered meanwhile stays. */
  async function payBack(debt: Debt): Promise<void> {
    const { tenantId, claim } = debt;
    await store.unclaim(tenantId, claim);
    // Another may have come in its place.
    if (owed.peek(`${tenantId} ${claim.key}`) === debt) owed.delete(`${tenantId} ${claim.key}`);
  }

  async function runClaimed({ tenantId, execute }: IdempotentRequest, claim: Claim): Promise<Outcome> {
    let isAnswered = false;
    try {
      const outcome = await execute(claim);
      isAnswered = outcome.ok;
      return outcome;
    } finally {
      if (!isAnswered) {
        // If this fails too, `giveBackClaimsAcrossTenants` does it as soon as the database is back, or the next request with the key.
        await store.unclaim(tenantId, claim).catch((error: unknown) => {
          owe(tenantId, claim);
          log.warn({ err: error, tenantId }, 'The claim on an idempotency key could not be given back.');
        });
      }
    }
  }

  async function answer(request: IdempotentRequest): Promise<Outcome> {
    const flightKey = `${request.tenantId} ${request.key}`;
    for (;;) {
      const flight = flights.get(flightKey);
      if (flight === undefined) {
        const outcome = lead(request).finally(() => flights.delete(flightKey));
        flights.set(flightKey, { hash: request.hash, outcome });
        return outcome;
      }
      if (flight.hash !== request.hash) return refuse([idempotencyMismatch()]);
      const waited = await request.patience.wait(flight.outcome);
      if ('over' in waited) return refuse([waited.over]);
      if (waited.done.ok) return ok(replayOf(waited.done.value));
      // The first one's own impatience is not ours: run it ourselves. Any other refusal would meet us too.
      if (!isImpatience(waited.done.error)) return waited.done;
    }
  }

  async function giveBackClaimsAcrossTenants(): Promise<void> {
    for (const debt of [...owed.values()]) await payBack(debt);
  }

  return Object.freeze({ answer, giveBackClaimsAcrossTenants });
}

function isImpatience([refusal]: PredictRefusals): boolean {
  return refusal.code === 'DEADLINE_EXCEEDED' || (refusal.code === 'PREDICTION_FAILED' && refusal.retryable);
}

function replayOf(prediction: Prediction): Prediction {
  const { receipt } = prediction;
  const cost = receipt.cost === null ? null : { ...receipt.cost, amountMicros: 0 };
  return { ...prediction, receipt: { ...receipt, charged: 0, cost, replayed: true, remaining: null } };
}

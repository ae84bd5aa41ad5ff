/**
 * How many units a process takes ahead, and when it gives them back. Pure. The database decides how many it gets
 * (`lease_quota`); `grantOf` states the same rule.
 */

import { PREDICTIONS, type Amounts } from './measures.js';

/** How fast units are drawn: a moving sum over about a second. */
export interface Pace {
  /** Units drawn in the last second, older ones counting less and less. */
  readonly perSecond: number;
  readonly atMs: number;
}

export const NO_PACE: Pace = { perSecond: 0, atMs: 0 };

const HORIZON_MS = 1_000;
/** Slower callers get exactly what they ask for: what one of them fails to use is there for everybody at once. */
const LOWEST_PACE_AHEAD = 4;
/** Bounds what a process can hold of an unlimited quota, and with it what a dead one can. */
const MOST_AHEAD = 20_000;
/** At most this part of what is left is taken ahead, so that leases become small as a limit comes near. */
const PART_OF_ROOM = 8;

export function paceAt(pace: Pace, nowMs: number): number {
  return pace.perSecond * Math.exp((pace.atMs - nowMs) / HORIZON_MS);
}

export function paceAfterDraw(pace: Pace, units: number, nowMs: number): Pace {
  return { perSecond: paceAt(pace, nowMs) + units, atMs: nowMs };
}

/** Units to ask for beyond those that are waited for: about a second of traffic, none for slow callers. */
export function wantedAhead(perSecond: number): number {
  return perSecond < LOWEST_PACE_AHEAD ? 0 : Math.min(MOST_AHEAD, Math.ceil(perSecond));
}

/** Whether to renew now, so that the new units are there before the old ones are gone. */
export function isRunningLow(idle: number, perSecond: number): boolean {
  return idle * 4 < wantedAhead(perSecond);
}

/** Idle units that the pace does not need any more: all but two seconds of traffic. */
export function surplusOf(idle: number, perSecond: number): number {
  return Math.max(0, idle - 2 * wantedAhead(perSecond));
}

/** What to ask for beyond what is waited for, so that `wanted` predictions of the mean claim find what they need. */
export function aheadOf(wanted: number, idle: Readonly<Amounts> | null, mean: Readonly<Amounts>): Amounts {
  return mean.map((one, place) => {
    if (place === PREDICTIONS) return wanted;
    // What predictions claimed and did not take is idle already.
    return Math.max(0, Math.ceil(wanted * one) - (idle?.[place] ?? 0));
  });
}

/** Idle amounts that the pace does not need any more; `null` when that is not worth a word to the database. */
export function surplusIn(
  idle: Readonly<Amounts>,
  mean: Readonly<Amounts>,
  perSecond: number,
): Amounts | null {
  const wanted = wantedAhead(perSecond);
  let isMuch = false;
  const surplus = idle.map((amount, place) => {
    if (place === PREDICTIONS) {
      const units = surplusOf(amount, perSecond);
      isMuch ||= units > 0;
      return units;
    }
    const needed = Math.ceil(wanted * (mean[place] ?? 0));
    isMuch ||= amount > 4 * needed;
    return Math.max(0, amount - 2 * needed);
  });
  return isMuch ? surplus : null;
}

/**
 * What a lease gets when `room` is left (`null`: unlimited): what is asked for, or what is left of it if that is enough
 * for the smallest claim; and ahead at most a part of what is left then.
 */
export function grantOf(
  room: number | null,
  wanted: { readonly asked: number; readonly smallest: number; readonly ahead: number },
): number {
  if (room === null) return wanted.asked + wanted.ahead;
  const granted = Math.min(wanted.asked, room);
  if (granted < wanted.asked) return granted < wanted.smallest ? 0 : granted;
  return granted + Math.min(wanted.ahead, Math.floor((room - granted) / PART_OF_ROOM));
}

/** Left under the tightest limit, as a receipt says it: what no lease has, and what this one has idle. */
export function remainingWith(room: number | null, idle: number): number | null {
  return room === null ? null : room + idle;
}

/** For how long a lease is good. A process that lives renews it by then; the units of a dead one come back after. */
export const LEASE_MS = 40_000;

/** Whether a lease with running predictions should be renewed: half its time is over. */
export function needsRenewal(expiresAtMs: number, nowMs: number): boolean {
  return expiresAtMs - nowMs < LEASE_MS / 2;
}

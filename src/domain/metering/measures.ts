/** What is limited, and vectors over it. Pure. The order is that of the arrays in the migration `limits`. */
import type { Claim } from './ledger.js';

export const MEASURES = ['PREDICTIONS', 'ROWS', 'BYTES', 'COMPUTE_MS', 'COST', 'PLACES'] as const;
export type Measure = (typeof MEASURES)[number];

/** One number for each of `MEASURES`; compute in microseconds, cost in millionths of the currency. */
export type Amounts = number[];

export const PREDICTIONS = 0;

export function placeOf(measure: Measure): number {
  return MEASURES.indexOf(measure);
}

export function noAmounts(): Amounts {
  return [0, 0, 0, 0, 0, 0];
}

/** A running prediction holds one place. */
export function amountsOf(claim: Claim): Amounts {
  return [claim.predictions, claim.rows, claim.bytes, claim.computeUs, claim.costMicros, 1];
}

/** Places of the measures in a mask of the database: 2 ROWS, 4 BYTES, 8 COMPUTE_MS, 16 COST, 32 PLACES. */
export function placesIn(mask: number): readonly number[] {
  return BY_MASK[mask >> 1] ?? [];
}

const BY_MASK: readonly (readonly number[])[] = Array.from({ length: 32 }, (_, mask) =>
  [1, 2, 3, 4, 5].filter((place) => (mask & (1 << (place - 1))) !== 0),
);

export function addAmounts(to: Amounts, more: Readonly<Amounts>): void {
  for (let place = 0; place < to.length; place++) to[place] = (to[place] ?? 0) + (more[place] ?? 0);
}

/** As people read it: compute in whole milliseconds. */
export function shownAmount(measure: Measure, amount: number): number {
  return measure === 'COMPUTE_MS' ? Math.floor(amount / 1000) : amount;
}

/** As it is counted: the other way round. */
export function countedAmount(measure: Measure, shown: number): number {
  return measure === 'COMPUTE_MS' ? shown * 1000 : shown;
}

/** As an array of Postgres. */
export function toSqlArray(amounts: Readonly<Amounts>): string {
  return `{${amounts.join(',')}}`;
}

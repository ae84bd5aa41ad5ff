/**
 * What charges of one kind have in common, and what differs: they are one row of the database, the first a column each, the
 * rest an array each. Their sums are made here, where adding costs nothing.
 */
import type { Charge } from './ledger.js';
import { formatOrdinals, type Ordinals } from './ordinals.js';

/** A prediction that is to be charged. */
export interface Settlement {
  readonly leaseId: string;
  readonly units: number;
  /** Its place in the month of its subscription. */
  readonly ordinal: number | null;
  readonly userId: string | null;
  readonly requestId: string;
  /** When the prediction was answered, inside the month that pays. */
  readonly at: Date;
  /** Until when the lease is good once this is charged. */
  readonly leaseExpiresAt: Date;
  readonly charge: Charge;
}

/** What charges of one kind have in common of what was run. */
type CommonFacts = Pick<
  Charge,
  | 'ownerTenantId'
  | 'modelId'
  | 'modelName'
  | 'versionId'
  | 'versionNumber'
  | 'digest'
  | 'alias'
  | 'runtime'
  | 'currency'
  | 'subscriptionId'
>;

/** Charges on one lease that differ in their measures only. */
export interface ChargeKind extends CommonFacts {
  readonly leaseId: string;
  readonly userId: string | null;
  /** The hour that they are summed in. */
  readonly hourMs: number;
  readonly sums: ChargeSums;
  /** What differs, a text for each of `EVENT_ARRAYS`. */
  readonly events: readonly string[];
}

export interface ChargeSums {
  readonly units: number;
  readonly rows: number;
  readonly bytes: number;
  readonly computeUs: number;
  /** Beyond what a number holds exactly, where many dear predictions meet. */
  readonly costMicros: bigint;
  /** Their places in the month, as a multirange of Postgres; null where nobody counts them. */
  readonly ordinals: string | null;
}

/** @param settlements at least one */
export function groupByKind(settlements: readonly Settlement[]): ChargeKind[] {
  const kinds: Settlement[][] = [];
  for (const settlement of settlements) {
    const kind = kinds.find(([first]) => first !== undefined && isOfOneKind(first, settlement));
    if (kind === undefined) kinds.push([settlement]);
    else kind.push(settlement);
  }
  return kinds.map(kindFrom);
}

function isOfOneKind(one: Settlement, other: Settlement): boolean {
  const [a, b] = [one.charge, other.charge];
  return (
    one.leaseId === other.leaseId &&
    a.versionId === b.versionId &&
    a.alias === b.alias &&
    one.userId === other.userId &&
    hourMsOf(one.at) === hourMsOf(other.at) &&
    a.runtime === b.runtime &&
    a.modelName === b.modelName &&
    a.modelId === b.modelId &&
    a.ownerTenantId === b.ownerTenantId &&
    a.versionNumber === b.versionNumber &&
    a.digest === b.digest &&
    a.subscriptionId === b.subscriptionId &&
    a.currency === b.currency
  );
}

function kindFrom(members: readonly Settlement[]): ChargeKind {
  const [first] = members;
  if (first === undefined) throw new Error('A kind has a member.');
  const { charge, leaseId, userId, at } = first;
  const { ownerTenantId, modelId, modelName, versionId, versionNumber, digest, alias, runtime } = charge;
  const { currency, subscriptionId } = charge;
  const hourMs = hourMsOf(at);
  return {
    leaseId,
    userId,
    ownerTenantId,
    modelId,
    modelName,
    versionId,
    versionNumber,
    digest,
    alias,
    runtime,
    currency,
    subscriptionId,
    hourMs,
    sums: sumsOf(members),
    events: eventArrays(members, hourMs),
  };
}

function sumsOf(members: readonly Settlement[]): ChargeSums {
  let [units, rows, bytes, computeUs, costMicros] = [0, 0, 0, 0, 0n];
  const ordinals: Ordinals = [];
  for (const { units: own, ordinal, charge } of members) {
    units += own;
    rows += charge.rows;
    bytes += charge.bytes;
    computeUs += charge.computeUs;
    if (charge.costMicros !== 0) costMicros += BigInt(charge.costMicros);
    if (ordinal !== null) ordinals.push({ from: ordinal, to: ordinal + 1 });
  }
  const places = ordinals.length === 0 ? null : formatOrdinals(ordinals);
  return { units, rows, bytes, computeUs, costMicros, ordinals: places };
}

/** Columns of `usage_deltas` that hold an element for each event. */
export const EVENT_ARRAYS = [
  'ids',
  'request_ids',
  'workers',
  'batch_sizes',
  'batch_row_counts',
  'row_counts',
  'unit_counts',
  'byte_counts',
  'queue_ms',
  'batch_ms',
  'load_ms',
  'compute_ms',
  'charged_us',
  'costs_micros',
  'at_ms',
] as const;

/** A charge that the ledger would not take: a bug, of which only this one charge shall know. Nothing was sent. */
export class UnfitChargeError extends Error {
  override name = 'UnfitChargeError';
}

/** The checks of `usage_events` on a prediction. The fold could not write what breaks them, and would stop at it. */
const isMeasure = (value: number) => Number.isSafeInteger(value) && value >= 0;
const isDuration = (value: number) => Number.isFinite(value);

/**
 * Built here and not by the driver, which would look at the type of each element and quote them all.
 * @throws UnfitChargeError
 */
function eventArrays(members: readonly Settlement[], hourMs: number): string[] {
  const arrays = EVENT_ARRAYS.map(() => '');
  for (const [i, { requestId, units, at, charge }] of members.entries()) {
    const { batchSize, batchRows, rows, bytes, queueMs, batchMs, loadMs, computeMs, computeUs, costMicros } =
      charge;
    const measures = [units, batchSize, batchRows, rows, bytes, computeUs, costMicros];
    const isPaid = costMicros === 0 || (charge.currency !== null && charge.subscriptionId !== null);
    if (
      !(units > 0 && isPaid && measures.every(isMeasure)) ||
      ![queueMs, batchMs, loadMs, computeMs].every(isDuration)
    ) {
      throw new UnfitChargeError(`The ledger cannot take ${JSON.stringify({ units, ...charge })}.`);
    }
    const values = [
      quoted(charge.predictionId),
      quoted(requestId),
      quoted(charge.worker),
      batchSize,
      batchRows,
      rows,
      units,
      bytes,
      queueMs,
      batchMs,
      loadMs,
      computeMs,
      computeUs,
      costMicros,
      at.getTime() - hourMs,
    ];
    const separator = i === 0 ? '{' : ',';
    for (let c = 0; c < values.length; c++) arrays[c] += `${separator}${values[c]}`;
  }
  return arrays.map((array) => `${array}}`);
}

/** A text as an element of an array of Postgres. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

const HOUR_MS = 3_600_000;

function hourMsOf(at: Date): number {
  return Math.floor(at.getTime() / HOUR_MS) * HOUR_MS;
}

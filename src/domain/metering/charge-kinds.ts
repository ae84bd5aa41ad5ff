/**
 * What a group of charges has in common, and what differs: the first travels to the database once, the rest as arrays.
 * Their sums are made here, where adding costs nothing; a statement that groups and adds rows costs as much as writing them.
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

export interface ChargeGroup {
  readonly kinds: readonly ChargeKind[];
  /** For each charge the place of its kind in `kinds`. */
  readonly kindOf: readonly number[];
}

/** @param settlements at least one */
export function groupByKind(settlements: readonly Settlement[]): ChargeGroup {
  const members: Settlement[][] = [];
  const kindOf = settlements.map((settlement) => {
    let kind = members.findIndex(([first]) => first !== undefined && isOfOneKind(first, settlement));
    if (kind < 0) kind = members.push([]) - 1;
    members[kind]?.push(settlement);
    return kind;
  });
  return { kinds: members.map(kindFrom), kindOf };
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
  const sums = sumsOf(members);
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
    hourMs: hourMsOf(at),
    sums,
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

const HOUR_MS = 3_600_000;

function hourMsOf(at: Date): number {
  return Math.floor(at.getTime() / HOUR_MS) * HOUR_MS;
}

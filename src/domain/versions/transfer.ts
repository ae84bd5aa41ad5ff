/** A file that arrives in pieces, by tus: what it is, and what may be said about it. Pure. */
import type { Upload } from './upload.js';

/** WHOLE: a file. PART: a part of one, to be joined with others. JOINED: what became of parts. */
export type TransferRole = 'WHOLE' | 'PART' | 'JOINED';

/** The row. How much has arrived is not in it: that is the size of the file. */
export interface TransferRow {
  /** Starts with `upl_`; the upload that it becomes has the same. */
  readonly id: string;
  readonly tenantId: string;
  readonly role: TransferRole;
  /** Bytes of the whole; `null` while the sender has not said it. */
  readonly length: number | null;
  /** As the client sent it: never interpreted, only given back. */
  readonly metadata: string | null;
  /** SHA-256 that the whole must have, lower-case hex. */
  readonly expectedDigest: string | null;
  /** Of one that is JOINED: the transfers that it was joined from, which are gone. */
  readonly parts: readonly string[];
  /** Behind these bytes nothing is checked; `null`: all that is there counts. */
  readonly checkedBytes: number | null;
  readonly digest: string | null;
  readonly finishedAt: Date | null;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}

export interface Transfer extends TransferRow {
  /** Bytes that have arrived. */
  readonly offset: number;
}

/** The upload that a finished transfer has become; it may have been published since. */
export function uploadOf(transfer: Transfer): Upload | null {
  const { id, tenantId, digest, offset, finishedAt, expiresAt } = transfer;
  if (digest === null || finishedAt === null) return null;
  return { id, tenantId, digest, bytes: offset, expiresAt, createdAt: finishedAt };
}

/** All bytes are there. A part then waits to be joined; anything else becomes an upload. */
export function isComplete({ length, offset }: Pick<Transfer, 'length' | 'offset'>): boolean {
  return length !== null && offset === length;
}

export interface TransferTimes {
  /** How long a lock belongs to a process that says nothing. */
  readonly leaseMs: number;
  /** How often it is renewed, and looked whether somebody asks for the transfer. */
  readonly renewEveryMs: number;
  /** A sender who is silent for so long loses the lock to whoever asks for the offset. */
  readonly quietMs: number;
  /** Whoever asks for the offset waits so long for the writer to give up. */
  readonly patienceMs: number;
}

export const DEFAULT_TRANSFER_TIMES: TransferTimes = Object.freeze({
  leaseMs: 6_000,
  renewEveryMs: 1_000,
  quietMs: 300,
  patienceMs: 3_000,
});

export const MAX_PARTS = 64;

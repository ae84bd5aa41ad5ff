/**
 * What `@tus/server` takes for its storage: the uploads of one actor, for one request. An upload of another
 * tenant is not in it, so no handler can forget to ask.
 */
import { DataStore, Upload } from '@tus/server';
import type { Readable } from 'node:stream';
import type { TenantActor } from '../domain/access/index.js';
import type { PieceChecksum, Transfer, Transfers, TransferWriter } from '../domain/versions/index.js';
import type { Refusal, Result } from '../lib/result.js';
import type { UploadBody } from './upload-body.js';

/** How far ahead of its end a transfer is said to have begun: only the sum of the two is ever shown. */
const LIFETIME_MS = 24 * 3_600_000;

/** A refusal on its way through `@tus/server`, which wants errors. */
export class TusRefused extends Error {
  override name = 'TusRefused';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

function valueOf<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new TusRefused(result.error);
  return result.value;
}

export interface TusStoreRequest {
  readonly actor: TenantActor;
  readonly isPart: boolean;
  readonly metadata: string | null;
  readonly sha256: string | null;
  readonly checksum: PieceChecksum | undefined;
  readonly contentLength: number | undefined;
  /** What the request says about the length of the whole; `null` when nothing. */
  readonly length: number | null;
  readonly body: UploadBody;
  readonly signal: AbortSignal;
}

export class TusDataStore extends DataStore {
  override extensions = [
    'creation',
    'creation-with-upload',
    'creation-defer-length',
    'termination',
    'expiration',
  ];
  readonly #transfers: Transfers;
  readonly #request: TusStoreRequest;
  #writer: TransferWriter | null = null;
  #latest: Transfer | null = null;

  constructor(transfers: Transfers, request: TusStoreRequest) {
    super();
    this.#transfers = transfers;
    this.#request = request;
  }

  /** The transfer that the request was about, as it was last seen. */
  get latest(): Transfer | null {
    return this.#writer?.transfer() ?? this.#latest;
  }

  /** Takes the right to write, before `@tus/server` compares offsets. */
  async lock(id: string): Promise<void> {
    this.#writer = valueOf(await this.#transfers.writeTransfer(this.#request.actor, id));
  }

  async unlock(): Promise<void> {
    this.#latest = this.latest;
    const writer = this.#writer;
    this.#writer = null;
    await writer?.release();
  }

  /** The id is ours: `@tus/server` reads it from the upload afterwards. */
  override async create(upload: Upload): Promise<Upload> {
    const { actor, isPart, metadata, sha256 } = this.#request;
    const created = valueOf(
      await this.#transfers.createTransfer(actor, {
        length: upload.size ?? null,
        role: isPart ? 'PART' : 'WHOLE',
        metadata,
        // Of a part it says nothing: the digest is the whole's.
        expectedSha256: isPart ? null : sha256,
      }),
    );
    this.#latest = created;
    upload.id = created.id;
    upload.creation_date = beganAt(created);
    return upload;
  }

  override async getUpload(id: string): Promise<Upload> {
    this.#latest = this.latest ?? valueOf(await this.#transfers.readTransfer(this.#request.actor, id));
    const { length, offset } = this.#latest;
    // Said before and said again, as a client does whose request was cut: not a change.
    const isRepeated = this.#writer !== null && length !== null && length === this.#request.length;
    return new Upload({
      id,
      offset,
      ...(length === null || isRepeated ? {} : { size: length }),
      creation_date: beganAt(this.#latest),
    });
  }

  override async declareUploadLength(id: string, length: number): Promise<void> {
    valueOf(await this.#held(id).declareLength(length));
  }

  /** The body comes straight from the request; the stream that `@tus/server` made of none is empty. */
  override async write(stream: Readable, id: string): Promise<number> {
    stream.resume();
    const { body, checksum, contentLength, signal } = this.#request;
    if (this.#writer === null) await this.lock(id);
    const written = await this.#held(id).append(body.chunks, { contentLength, checksum, signal });
    return valueOf(written).offset;
  }

  override async remove(id: string): Promise<void> {
    valueOf(await this.#transfers.endTransfer(this.#request.actor, id));
  }

  override getExpiration(): number {
    return LIFETIME_MS;
  }

  #held(id: string): TransferWriter {
    if (this.#writer === null) throw new Error(`${id} is written without its lock.`);
    return this.#writer;
  }
}

function beganAt({ expiresAt }: Transfer): string {
  return new Date(expiresAt.getTime() - LIFETIME_MS).toISOString();
}

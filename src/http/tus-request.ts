/** A tus request as its headers say it, checked before anything is done for it. Pure. */
import { Metadata } from '@tus/server';
import type { IncomingHttpHeaders } from 'node:http';
import type { PieceChecksum } from '../domain/versions/index.js';
import { ok, refuse, type Result } from '../lib/result.js';

export const TUS_VERSION = '1.0.0';
export const CHECKSUM_ALGORITHMS = ['sha1', 'sha256', 'md5'] as const;
const CHECKSUM_BYTES: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, md5: 16 };
const PIECE_TYPE = 'application/offset+octet-stream';
const MAX_METADATA_CHARACTERS = 4_096;
const MAX_CONCAT_CHARACTERS = 16_384;
const TUS_METHODS = ['POST', 'HEAD', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export type TusMethod = (typeof TUS_METHODS)[number];

/** What the request is refused with before it is looked at more closely. */
export interface TusRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export interface TusRequest {
  readonly method: TusMethod;
  /** Header as it came; `null` without. */
  readonly metadata: string | null;
  /** `sha256` among the metadata: what the whole file must have. */
  readonly sha256: string | null;
  readonly checksum: PieceChecksum | undefined;
  readonly concat:
    { readonly kind: 'partial' } | { readonly kind: 'final'; readonly urls: readonly string[] } | null;
}

/** A POST to /uploads is tus' own, rather than a file in its body, when it says anything in the words of tus. */
export function speaksTus(headers: IncomingHttpHeaders): boolean {
  return (
    headers['tus-resumable'] !== undefined ||
    headers['upload-length'] !== undefined ||
    headers['upload-defer-length'] !== undefined ||
    headers['upload-concat'] !== undefined ||
    headers['content-type'] === PIECE_TYPE
  );
}

/** Checks what `@tus/server` does not, or answers with another status than the protocol names. */
export function readTusRequest(method: string, headers: IncomingHttpHeaders): Result<TusRequest, TusRefusal> {
  const meant = methodOf(method, headers);
  if (meant === null)
    return wrong(405, 'METHOD_NOT_ALLOWED', 'Uploads are sent by POST, PATCH, HEAD and DELETE.');
  if (meant !== 'OPTIONS' && headers['tus-resumable'] !== TUS_VERSION) {
    return wrong(
      412,
      'PRECONDITION_FAILED',
      `Send \`Tus-Resumable: ${TUS_VERSION}\`: this server speaks tus ${TUS_VERSION}.`,
    );
  }
  if (meant === 'PATCH' && headers['content-type'] !== PIECE_TYPE) {
    return wrong(415, 'UNSUPPORTED_MEDIA_TYPE', `Send a piece with \`Content-Type: ${PIECE_TYPE}\`.`);
  }
  if (meant === 'PATCH' && !text(headers['upload-offset'])) {
    return wrong(
      400,
      'INVALID_INPUT',
      'Say with `Upload-Offset` where the piece begins; HEAD tells how much is here.',
    );
  }
  // An empty header says as much as none.
  const metadata = text(headers['upload-metadata']) || null;
  if (metadata !== null && metadata.length > MAX_METADATA_CHARACTERS) {
    return wrong(400, 'INVALID_INPUT', `Upload-Metadata has at most ${MAX_METADATA_CHARACTERS} characters.`);
  }
  const checksum = checksumOf(text(headers['upload-checksum']));
  if (!checksum.ok) return checksum;
  const concat = concatOf(text(headers['upload-concat']));
  if (!concat.ok) return concat;
  const sha256 = sha256Of(metadata);
  if (!sha256.ok) return sha256;
  return ok({
    method: meant,
    metadata,
    sha256: sha256.value,
    checksum: checksum.value,
    concat: meant === 'POST' ? concat.value : null,
  });
}

/** Some environments can send nothing but POST; they name the method that they mean. */
function methodOf(method: string, headers: IncomingHttpHeaders): TusMethod | null {
  const meant =
    method === 'POST' ? (text(headers['x-http-method-override'])?.toUpperCase() ?? method) : method;
  return TUS_METHODS.find((known) => known === meant) ?? null;
}

function checksumOf(value: string | null): Result<PieceChecksum | undefined, TusRefusal> {
  if (value === null) return ok(undefined);
  const [name, base64, ...rest] = value.trim().split(/ +/);
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name);
  const known = CHECKSUM_ALGORITHMS.join(', ');
  if (algorithm === undefined) {
    return wrong(400, 'INVALID_INPUT', `Upload-Checksum names an algorithm that is not one of ${known}.`);
  }
  const digest = Buffer.from(base64 ?? '', 'base64');
  if (rest.length > 0 || digest.length !== CHECKSUM_BYTES[algorithm]) {
    return wrong(
      400,
      'INVALID_INPUT',
      `Upload-Checksum must be an algorithm of ${known}, a space, and the digest in base64.`,
    );
  }
  return ok({ algorithm, digest });
}

function concatOf(value: string | null): Result<TusRequest['concat'], TusRefusal> {
  if (value === null) return ok(null);
  if (value === 'partial') return ok({ kind: 'partial' });
  const urls = value.length <= MAX_CONCAT_CHARACTERS ? /^final;\s*(\S.*)$/.exec(value)?.[1] : undefined;
  if (urls !== undefined) return ok({ kind: 'final', urls: urls.trim().split(/\s+/) });
  const expected = '`partial`, or `final;` and the URLs of the parts with spaces between';
  return wrong(400, 'INVALID_INPUT', `Upload-Concat must be ${expected}.`);
}

function sha256Of(metadata: string | null): Result<string | null, TusRefusal> {
  if (metadata === null) return ok(null);
  try {
    const value = Metadata.parse(metadata)['sha256'] ?? null;
    if (value === null || /^[0-9a-f]{64}$/.test(value)) return ok(value);
    return wrong(400, 'INVALID_INPUT', 'sha256 in Upload-Metadata must be 64 lower-case hexadecimal digits.');
  } catch {
    const expected = 'keys and base64 values with a space between, pairs with commas between, no key twice';
    return wrong(400, 'INVALID_INPUT', `Upload-Metadata must be ${expected}.`);
  }
}

/** The id that ends the URL of one of our uploads, however it is written; what is none is found nowhere. */
export function idInUrl(url: string): string {
  return /\/uploads\/([0-9a-z_]{1,64})\/?$/.exec(url)?.[1] ?? '';
}

function text(value: string | string[] | undefined): string | null {
  if (value === undefined) return null;
  return Array.isArray(value) ? value.join(',') : value;
}

function wrong(status: number, code: string, message: string) {
  return refuse<TusRefusal>({ status, code, message });
}

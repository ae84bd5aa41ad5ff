/** The SHA-256 that a sender announces for its body: `X-Content-SHA256` in hex, or RFC 9530's digest fields. */
import type { IncomingHttpHeaders } from 'node:http';
import { ok, refuse, type Refusal, type Result } from '../lib/result.js';

const HEX = /^[0-9a-f]{64}$/i;
// A structured-field dictionary; other algorithms in it may be ignored (RFC 9530, section 2).
const SHA_256_MEMBER = /(?:^|,)\s*sha-256\s*=([^,]*)/;
const BYTE_SEQUENCE = /^\s*:([A-Za-z0-9+/]{43}=):\s*(?:;.*)?$/;

/** Lower-case hex; `undefined` when none was announced. */
export function announcedDigest(
  headers: IncomingHttpHeaders,
): Result<string | undefined, Refusal<'INVALID_INPUT'>> {
  const announced = new Set<string>();
  const hex = textOf(headers['x-content-sha256']);
  if (hex !== undefined) {
    if (!HEX.test(hex.trim())) return malformed('X-Content-SHA256', '64 hexadecimal digits');
    announced.add(hex.trim().toLowerCase());
  }
  // An upload is sent as it is, so the digest of the content and of the representation are the same.
  for (const name of ['content-digest', 'repr-digest'] as const) {
    const member = SHA_256_MEMBER.exec(textOf(headers[name]) ?? '')?.[1];
    if (member === undefined) continue;
    const base64 = BYTE_SEQUENCE.exec(member)?.[1];
    if (base64 === undefined) return malformed(name, '`sha-256=:<base64 of 32 bytes>:`');
    announced.add(Buffer.from(base64, 'base64').toString('hex'));
  }
  if (announced.size > 1) {
    return refuse({
      code: 'INVALID_INPUT',
      message: 'The headers announce different SHA-256 digests for the body.',
    });
  }
  return ok([...announced][0]);
}

/** For `Repr-Digest`: a digest in hex as RFC 9530 writes it. */
export function digestField(digest: string): string {
  return `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:`;
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}

function malformed(header: string, expected: string) {
  return refuse({ code: 'INVALID_INPUT' as const, message: `The header ${header} must be ${expected}.` });
}

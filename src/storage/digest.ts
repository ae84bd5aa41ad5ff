/** SHA-256 in lower-case hex: the only name that bytes have in the store. */
const DIGEST_PATTERN = /^[0-9a-f]{64}$/;

export function isDigest(text: string): boolean {
  return DIGEST_PATTERN.test(text);
}

/**
 * Guards every step from a digest to a path. Digests come from our own hashing or from our own rows, so
 * anything else here is a bug, and must not reach the file system as `../`.
 */
export function assertDigest(text: string): void {
  if (!isDigest(text)) throw new Error('A digest must be 64 lower-case hexadecimal digits.');
}

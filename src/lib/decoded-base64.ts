/**
 * A long base64 text of a request, already decoded. The HTTP door makes these of large tensors, so that a picture
 * never becomes a string: two strings of its size for each request kept the garbage collector busy for longer than
 * everything else took. Nobody may write into the bytes: one value may be read by several predictions.
 */
export class DecodedBase64 {
  // Private, so that whoever walks over the fields of a request finds none here.
  readonly #bytes: Uint8Array;

  /** @param bytes at the start of a buffer of their own: engines view them as wider elements */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The text again, for whatever writes the request down (the hash of an idempotent one). */
  toJSON(): string {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  }
}

/** Bytes that a padded base64 text of this length stands for, or `null` when its length cannot be. */
export function base64Length(length: number, endsWith: (padding: string) => boolean): number | null {
  if (length % 4 !== 0) return null;
  const padding = endsWith('==') ? 2 : endsWith('=') ? 1 : 0;
  return (length / 4) * 3 - padding;
}

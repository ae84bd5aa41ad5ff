import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 1024 * 1024;

/**
 * Writes a stream in blocks of one size. Chunks are copied into one fixed buffer, so a sender of a
 * million one-byte chunks costs neither a million writes nor a million small objects in memory.
 */
export class BlockWriter {
  readonly #handle: FileHandle;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #used = 0;
  #position: number;

  /** @param position where in the file the first byte goes */
  constructor(handle: FileHandle, position = 0) {
    this.#handle = handle;
    this.#position = position;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + BLOCK_BYTES - this.#used);
      this.#block.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === BLOCK_BYTES) await this.flush();
    }
  }

  async flush(): Promise<void> {
    const used = this.#used;
    this.#used = 0;
    for (let at = 0; at < used;) {
      const { bytesWritten } = await this.#handle.write(this.#block, at, used - at, this.#position);
      at += bytesWritten;
      this.#position += bytesWritten;
    }
  }
}

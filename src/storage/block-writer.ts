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

  constructor(handle: FileHandle) {
    this.#handle = handle;
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
    if (this.#used === 0) return;
    // On a handle, `writeFile` writes at the current position and repeats short writes.
    await this.#handle.writeFile(this.#block.subarray(0, this.#used));
    this.#used = 0;
  }
}

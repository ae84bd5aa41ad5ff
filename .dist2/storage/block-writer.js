const BLOCK_BYTES = 1024 * 1024;
class BlockWriter {
  #handle;
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #used = 0;
  constructor(handle) {
    this.#handle = handle;
  }
  async write(chunk) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + BLOCK_BYTES - this.#used);
      this.#block.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === BLOCK_BYTES) await this.flush();
    }
  }
  async flush() {
    if (this.#used === 0) return;
    await this.#handle.writeFile(this.#block.subarray(0, this.#used));
    this.#used = 0;
  }
}
export {
  BlockWriter
};
//# sourceMappingURL=block-writer.js.map

import { createHash } from "node:crypto";
import { ok } from "../lib/result.js";
import { BlockWriter } from "./block-writer.js";
import { checksumMismatch, interrupted, isStorageFull, storageFull, tooLarge } from "./errors.js";
const CUT = /* @__PURE__ */ Symbol("the source ended with an error, or the signal fired");
async function receiveInto(handle, source, options) {
  const hash = createHash("sha256");
  const writer = new BlockWriter(handle);
  const next = pull(source, options.signal);
  let bytes = 0;
  try {
    for (; ; ) {
      const step = await next();
      if (step === CUT) return interrupted();
      if (step.done === true) break;
      bytes += step.value.length;
      if (bytes > options.maxBytes) return tooLarge(options.maxBytes);
      hash.update(step.value);
      await writer.write(step.value);
    }
    if (options.expectedBytes !== void 0 && bytes !== options.expectedBytes) return interrupted();
    const digest = hash.digest("hex");
    if (options.expectedDigest !== void 0 && digest !== options.expectedDigest) {
      return checksumMismatch(options.expectedDigest, digest);
    }
    await writer.flush();
    await handle.sync();
    return ok({ digest, bytes });
  } catch (error) {
    if (isStorageFull(error)) return storageFull();
    throw error;
  }
}
function pull(source, signal) {
  const iterator = source[Symbol.asyncIterator]();
  if (signal === void 0) return () => iterator.next().catch(() => CUT);
  return () => new Promise((resolve) => {
    if (signal.aborted) return resolve(CUT);
    const onAbort = () => resolve(CUT);
    signal.addEventListener("abort", onAbort, { once: true });
    iterator.next().catch(() => CUT).then((step) => {
      signal.removeEventListener("abort", onAbort);
      resolve(step);
    }, onAbort);
  });
}
export {
  receiveInto
};
//# sourceMappingURL=receive.js.map

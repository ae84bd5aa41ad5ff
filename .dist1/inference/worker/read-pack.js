import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ok, refuse } from "../../lib/result.js";
async function readVerifiedPack(artifact) {
  let bytes;
  try {
    bytes = await readFile(artifact.path);
  } catch (error) {
    const code = error.code ?? "unknown error";
    return refuse({
      code: "LOAD_FAILED",
      message: `The file of model ${artifact.digest} cannot be read (${code}).`
    });
  }
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== artifact.digest) {
    return refuse({
      code: "LOAD_FAILED",
      message: `The file of model ${artifact.digest} is damaged: its bytes hash to ${found}.`
    });
  }
  return ok(bytes);
}
export {
  readVerifiedPack
};
//# sourceMappingURL=read-pack.js.map

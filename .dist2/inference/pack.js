import { ok, refuse } from "../lib/result.js";
const MAGIC = "SOUKPK01";
const PREFIX_BYTES = 12;
const ALIGNMENT = 8;
function encodePackHeader(header) {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const total = Math.ceil((PREFIX_BYTES + json.length) / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(total);
  bytes.write(MAGIC, 0, "latin1");
  bytes.writeUInt32LE(json.length, MAGIC.length);
  json.copy(bytes, PREFIX_BYTES);
  return bytes;
}
function decodePack(bytes) {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < PREFIX_BYTES || view.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    return refuse({ code: "LOAD_FAILED", message: "The file is not a model pack." });
  }
  const jsonLength = view.readUInt32LE(MAGIC.length);
  const start = Math.ceil((PREFIX_BYTES + jsonLength) / ALIGNMENT) * ALIGNMENT;
  if (start > view.length) return refuse({ code: "LOAD_FAILED", message: "The model pack is cut short." });
  try {
    const header = JSON.parse(view.toString("utf8", PREFIX_BYTES, PREFIX_BYTES + jsonLength));
    return ok({ header, weights: bytes.subarray(start) });
  } catch {
    return refuse({ code: "LOAD_FAILED", message: "The model pack's header is not JSON." });
  }
}
export {
  decodePack,
  encodePackHeader
};
//# sourceMappingURL=pack.js.map

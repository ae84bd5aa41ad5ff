import { ok, refuse } from "../lib/result.js";
const HEX = /^[0-9a-f]{64}$/i;
const SHA_256_MEMBER = /(?:^|,)\s*sha-256\s*=([^,]*)/;
const BYTE_SEQUENCE = /^\s*:([A-Za-z0-9+/]{43}=):\s*(?:;.*)?$/;
function announcedDigest(headers) {
  const announced = /* @__PURE__ */ new Set();
  const hex = textOf(headers["x-content-sha256"]);
  if (hex !== void 0) {
    if (!HEX.test(hex.trim())) return malformed("X-Content-SHA256", "64 hexadecimal digits");
    announced.add(hex.trim().toLowerCase());
  }
  for (const name of ["content-digest", "repr-digest"]) {
    const member = SHA_256_MEMBER.exec(textOf(headers[name]) ?? "")?.[1];
    if (member === void 0) continue;
    const base64 = BYTE_SEQUENCE.exec(member)?.[1];
    if (base64 === void 0) return malformed(name, "`sha-256=:<base64 of 32 bytes>:`");
    announced.add(Buffer.from(base64, "base64").toString("hex"));
  }
  if (announced.size > 1) {
    return refuse({
      code: "INVALID_INPUT",
      message: "The headers announce different SHA-256 digests for the body."
    });
  }
  return ok([...announced][0]);
}
function digestField(digest) {
  return `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`;
}
function textOf(value) {
  return Array.isArray(value) ? value.join(",") : value;
}
function malformed(header, expected) {
  return refuse({ code: "INVALID_INPUT", message: `The header ${header} must be ${expected}.` });
}
export {
  announcedDigest,
  digestField
};
//# sourceMappingURL=body-digest.js.map

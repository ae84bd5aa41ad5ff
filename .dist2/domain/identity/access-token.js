import { randomBytes } from "node:crypto";
import jwt from "jsonwebtoken";
import { kindOfId } from "../../lib/ids.js";
const ACCESS_TOKEN_LIFETIME_MS = 5 * 60 * 1e3;
const LEEWAY_SECONDS = 10;
const MAX_TOKEN_CHARACTERS = 2048;
const ISSUER = "souk";
const AUDIENCE = "souk-api";
const TYPE = "at+jwt";
const SEGMENTS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;
function issueAccessToken(secrets, claims, now) {
  const issuedAt = Math.floor(now.getTime() / 1e3);
  const expiresAt = issuedAt + ACCESS_TOKEN_LIFETIME_MS / 1e3;
  const accessToken = jwt.sign(
    {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: claims.userId,
      sid: claims.sessionId,
      token_use: "access",
      jti: randomBytes(16).toString("base64url"),
      iat: issuedAt,
      exp: expiresAt
    },
    secrets.accessTokenKey,
    { algorithm: "HS256", header: { alg: "HS256", typ: TYPE, kid: secrets.accessTokenKeyId } }
  );
  return { accessToken, expiresAt: new Date(expiresAt * 1e3) };
}
function verifyAccessToken(secrets, token, now) {
  if (token.length > MAX_TOKEN_CHARACTERS) return null;
  const segments = SEGMENTS.exec(token)?.slice(1);
  if (segments === void 0 || !segments.every(isCanonical)) return null;
  if (!isOurHeader(segments[0], secrets.accessTokenKeyId)) return null;
  const nowSeconds = Math.floor(now.getTime() / 1e3);
  let payload;
  try {
    payload = jwt.verify(token, secrets.accessTokenKey, {
      algorithms: ["HS256"],
      issuer: ISSUER,
      audience: AUDIENCE,
      clockTolerance: LEEWAY_SECONDS,
      clockTimestamp: nowSeconds
    });
  } catch {
    return null;
  }
  return readClaims(payload, nowSeconds);
}
function isCanonical(segment) {
  return Buffer.from(segment, "base64url").toString("base64url") === segment;
}
function isOurHeader(segment, keyId) {
  const header = parseObject(Buffer.from(segment, "base64url").toString("utf8"));
  if (header === null) return false;
  const names = Object.keys(header);
  return names.length === 3 && Object.hasOwn(header, "alg") && header["alg"] === "HS256" && header["typ"] === TYPE && header["kid"] === keyId;
}
function readClaims(payload, nowSeconds) {
  if (typeof payload !== "object" || payload === null) return null;
  const { sub, sid, jti, iat, exp, aud, token_use: use, nbf } = payload;
  if (use !== "access" || aud !== AUDIENCE || nbf !== void 0) return null;
  if (!isSeconds(iat) || !isSeconds(exp)) return null;
  if (iat > nowSeconds + LEEWAY_SECONDS) return null;
  if (exp <= iat || exp - iat > ACCESS_TOKEN_LIFETIME_MS / 1e3) return null;
  if (typeof sub !== "string" || kindOfId(sub) !== "user") return null;
  if (typeof sid !== "string" || kindOfId(sid) !== "session") return null;
  if (typeof jti !== "string" || jti.length === 0) return null;
  return { userId: sub, sessionId: sid, tokenId: jti };
}
function isSeconds(value) {
  return Number.isSafeInteger(value) && value > 0;
}
function parseObject(text) {
  try {
    const parsed = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}
export {
  ACCESS_TOKEN_LIFETIME_MS,
  issueAccessToken,
  verifyAccessToken
};
//# sourceMappingURL=access-token.js.map

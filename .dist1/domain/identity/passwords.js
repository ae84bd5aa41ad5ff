import { randomBytes } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import { refuse, ok } from "../../lib/result.js";
import { invalidInput } from "../tenants/index.js";
import { passwordsBusy } from "./errors.js";
import { createGate } from "./gate.js";
const MEMORY_KIB = 19456;
const PASSES = 2;
const LANES = 1;
const PASSWORD_LIMITS = Object.freeze({
  concurrency: 2,
  maxWaiting: 100,
  maxWaitMs: 5e3
});
const MIN_CHARACTERS = 10;
const MAX_CHARACTERS = 200;
function createPasswords(limits = PASSWORD_LIMITS) {
  const gate = createGate(limits);
  const nobody = hashOfNobody();
  return Object.freeze({
    async hash(password) {
      const options = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES };
      const done = await gate.run(() => hash(asBytes(password), options));
      return done === null ? refuse(passwordsBusy()) : ok(done.value);
    },
    async verify(passwordHash, password) {
      const done = await gate.run(() => verify(passwordHash ?? nobody, asBytes(password)));
      return done === null ? refuse(passwordsBusy()) : ok(done.value && passwordHash !== null);
    }
  });
}
function checkPassword(password, path) {
  const length = [...password].length;
  if (length < MIN_CHARACTERS || length > MAX_CHARACTERS) {
    return refuse(invalidInput(path, `${path} must have ${MIN_CHARACTERS} to ${MAX_CHARACTERS} characters.`));
  }
  return ok(password);
}
function isImpossiblePassword(password) {
  return !checkPassword(password, "password").ok;
}
function asBytes(password) {
  return Buffer.from(password.normalize("NFKC"));
}
function hashOfNobody() {
  const base64 = (bytes) => randomBytes(bytes).toString("base64").replace(/=+$/, "");
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(16)}$${base64(32)}`;
}
export {
  PASSWORD_LIMITS,
  checkPassword,
  createPasswords,
  isImpossiblePassword
};
//# sourceMappingURL=passwords.js.map

import { mayBeId } from "../../lib/ids.js";
import { ok, refuse } from "../../lib/result.js";
import { invalidInput } from "./errors.js";
const MAX_TIMEOUT_MS = 3e5;
const MAX_KEY_CHARACTERS = 200;
const MODEL_REFERENCE = /^([a-z0-9-]{1,64})\/([a-z0-9._-]{1,128})(?::([1-9]\d{0,8}))?$/;
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;
const LONE_SURROGATES = new RegExp("\\p{Surrogate}", "u");
function parseTarget(target) {
  if ("versionId" in target) return mayBeId(target.versionId) ? target : null;
  if ("modelId" in target) return mayBeId(target.modelId) ? target : null;
  const [, owner, name, number] = MODEL_REFERENCE.exec(target.model) ?? [];
  if (owner === void 0 || name === void 0) return null;
  return { owner, name, number: number === void 0 ? null : Number(number) };
}
function checkCommand(command) {
  const mistakes = [];
  const { timeoutMs, idempotencyKey } = command;
  if (timeoutMs !== null && !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)) {
    mistakes.push(
      invalidInput(
        ["timeoutMs"],
        `timeoutMs is a whole number from 1 to ${MAX_TIMEOUT_MS}; found ${timeoutMs}.`
      )
    );
  }
  if (idempotencyKey !== null) {
    const { length } = idempotencyKey;
    if (length < 1 || length > MAX_KEY_CHARACTERS) {
      mistakes.push(
        invalidInput(
          ["idempotencyKey"],
          `An idempotency key has 1 to ${MAX_KEY_CHARACTERS} characters; found ${length}.`
        )
      );
    } else if (CONTROL_CHARACTERS.test(idempotencyKey) || LONE_SURROGATES.test(idempotencyKey)) {
      mistakes.push(
        invalidInput(["idempotencyKey"], "An idempotency key is text without control characters.")
      );
    }
  }
  return mistakes.length > 0 ? refuse(mistakes) : ok(void 0);
}
export {
  MAX_TIMEOUT_MS,
  checkCommand,
  parseTarget
};
//# sourceMappingURL=check-command.js.map

/** The parts of a request other than its tensors. Pure; all mistakes are reported. */
import { mayBeId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { mayBeAliasName } from '../aliases/index.js';
import { invalidInput, type InvalidInput } from './errors.js';
import type { PredictCommand, PredictTarget } from './prediction.js';

export const MAX_TIMEOUT_MS = 300_000;
const MAX_KEY_CHARACTERS = 200;
const MODEL_REFERENCE = /^([a-z0-9-]{1,64})\/([a-z0-9._-]{1,128})(?::([1-9]\d{0,8})|@([^@]{1,60}))?$/;
/** What always means the newest version, and is the name of no alias. */
const NEWEST = 'latest';
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;
// Text that is no text: it cannot be written as UTF-8.
const LONE_SURROGATES = /\p{Surrogate}/u;

/** What a target refers to; `number: null` is the newest version. */
export type VersionReference =
  | { readonly versionId: string }
  | { readonly modelId: string }
  | { readonly owner: string; readonly name: string; readonly number: number | null }
  | { readonly modelId: string; readonly alias: string }
  | { readonly owner: string; readonly name: string; readonly alias: string };

/** `null` for a text that cannot name a model: it is then simply not found. */
export function parseTarget(target: PredictTarget): VersionReference | null {
  if ('versionId' in target) return mayBeId(target.versionId) ? target : null;
  if ('modelId' in target) return mayBeId(target.modelId) ? target : null;
  if ('alias' in target) {
    const { modelId, name: alias } = target.alias;
    if (!mayBeId(modelId)) return null;
    if (alias === NEWEST) return { modelId };
    return mayBeAliasName(alias) ? { modelId, alias } : null;
  }
  const [, owner, name, number, alias] = MODEL_REFERENCE.exec(target.model) ?? [];
  if (owner === undefined || name === undefined) return null;
  if (alias !== undefined && alias !== NEWEST) return mayBeAliasName(alias) ? { owner, name, alias } : null;
  return { owner, name, number: number === undefined ? null : Number(number) };
}

/** The alias that is followed; `null` for a version that is pinned, and for the newest. */
export function aliasOf(reference: VersionReference): string | null {
  return 'alias' in reference ? reference.alias : null;
}

export function checkCommand(command: PredictCommand): Result<void, readonly InvalidInput[]> {
  const mistakes: InvalidInput[] = [];
  const { timeoutMs, idempotencyKey } = command;
  if (timeoutMs !== null && !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)) {
    mistakes.push(
      invalidInput(
        ['timeoutMs'],
        `timeoutMs is a whole number from 1 to ${MAX_TIMEOUT_MS}; found ${timeoutMs}.`,
      ),
    );
  }
  if (idempotencyKey !== null) {
    const { length } = idempotencyKey;
    if (length < 1 || length > MAX_KEY_CHARACTERS) {
      mistakes.push(
        invalidInput(
          ['idempotencyKey'],
          `An idempotency key has 1 to ${MAX_KEY_CHARACTERS} characters; found ${length}.`,
        ),
      );
    } else if (CONTROL_CHARACTERS.test(idempotencyKey) || LONE_SURROGATES.test(idempotencyKey)) {
      mistakes.push(
        invalidInput(['idempotencyKey'], 'An idempotency key is text without control characters.'),
      );
    }
  }
  return mistakes.length > 0 ? refuse(mistakes) : ok(undefined);
}

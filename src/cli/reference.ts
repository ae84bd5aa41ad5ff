/** `owner/name`, `owner/name:3`, `owner/name@production`. Pure. */
import { EXIT, Failure } from './failure.js';

export interface ModelReference {
  readonly owner: string;
  readonly name: string;
}

export interface VersionReference extends ModelReference {
  /** `null` with `alias` `null` too: the newest. */
  readonly number: number | null;
  readonly alias: string | null;
}

const MODEL = /^([a-z0-9][a-z0-9-]*)\/([a-z0-9][a-z0-9._-]*)$/;
const VERSION = /^([^:@]+)(?::(\d{1,9})|@([A-Za-z0-9._-]{1,60}))?$/;

/** @throws Failure */
export function parseModelReference(text: string): ModelReference {
  const [, owner, name] = MODEL.exec(text) ?? [];
  if (owner === undefined || name === undefined) {
    throw new Failure(`A model is written as owner/name; found ${text}.`, EXIT.usage, 'INVALID_INPUT');
  }
  return { owner, name };
}

/** @throws Failure */
export function parseVersionReference(text: string): VersionReference {
  const [, model, number, alias] = VERSION.exec(text) ?? [];
  if (model === undefined || number === '0') {
    const expected = 'owner/name, owner/name:3 or owner/name@alias';
    throw new Failure(`A version is written as ${expected}; found ${text}.`, EXIT.usage, 'INVALID_INPUT');
  }
  return {
    ...parseModelReference(model),
    number: number === undefined ? null : Number(number),
    alias: alias ?? null,
  };
}

/**
 * How a reader says no. Inside the throw-away child a refusal unwinds as an exception, because it may
 * arise twenty calls deep in a file that is nothing but a stranger's data; it becomes a value again at
 * exactly one place, the top of the child (`child/import-artifact.ts`). Nothing else catches it.
 */
import type { ImportRefusal, ImportRefusalCode } from './types.js';

export class Refused extends Error {
  readonly refusal: ImportRefusal;

  constructor(refusal: ImportRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

const MAX_SUBJECT_LENGTH = 200;

/**
 * Text from a stranger's file, safe to put into a message and a log line: control and bidirectional
 * marks become `?` (they could forge or reorder what an operator reads), and the length is bounded.
 */
export function printable(text: string, maxLength = MAX_SUBJECT_LENGTH): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/gu, '?');
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}

/** Ends the import: `subject` names the layer, op, tensor or file at fault. */
export function refuseImport(code: ImportRefusalCode, subject: string | null, message: string): never {
  throw new Refused({
    code,
    message: printable(message, 1000),
    subject: subject === null ? null : printable(subject),
  });
}

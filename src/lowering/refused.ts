/** Why a model cannot be lowered. It unwinds as an exception inside the room and leaves it as a value. */
import type { Refusal } from '../lib/result.js';

export interface LoweringRefusal extends Refusal<'NOT_LOWERED'> {
  /** The layer or node at fault. */
  readonly subject: string;
}

export class NotLowered extends Error {
  readonly refusal: LoweringRefusal;

  constructor(subject: string, message: string) {
    super(message);
    this.name = 'NotLowered';
    this.refusal = { code: 'NOT_LOWERED', message, subject };
  }
}

/** @throws NotLowered */
export function refuseLowering(subject: string, message: string): never {
  throw new NotLowered(subject, message);
}

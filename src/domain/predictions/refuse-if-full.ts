/**
 * The corridor's last refusal, given at its entrance: while a tenant's queue is full, whatever it asks to run ends with the
 * same OVERLOADED, after a walk that costs everybody time. What else may be wrong with such a request
 * (its target, its inputs, a quota that is used up) is said when there is room again. In memory, no I/O.
 */
import type { InferenceRefusal } from '../../inference/index.js';
import { can, type TenantActor } from '../access/index.js';
import type { MeteringService } from '../metering/index.js';
import type { Overloaded } from './errors.js';

/** Of the pool: see `InferenceEngine`. */
export interface PoolQueue {
  /** False while `foresee` refuses nobody, which is cheaper to ask. */
  mayBeFull(): boolean;
  foresee(fairnessKey: string): InferenceRefusal | null;
  /** A refusal that was foreseen was given. */
  noteRefusal(refusal: InferenceRefusal): void;
}

export interface RefuseIfFullDeps {
  readonly queue: PoolQueue;
  readonly metering: Pick<MeteringService, 'admit'>;
  readonly onRefused: (actor: TenantActor) => void;
}

/** Returns `refuseIfFull`: see `PredictionsService`. */
export function createRefuseIfFull({ queue, metering, onRefused }: RefuseIfFullDeps) {
  return (actor: TenantActor): Overloaded | null => {
    if (!queue.mayBeFull() || !can(actor, 'PREDICTION_RUN')) return null;
    const refusal = queue.foresee(actor.tenantId);
    if (refusal?.code !== 'OVERLOADED') return null;
    // It counts by the rate, refused or not; whoever is too fast is told so by the corridor.
    const admission = metering.admit(actor);
    if (!admission.ok) return null;
    admission.value.leave();
    queue.noteRefusal(refusal);
    onRefused(actor);
    return { code: refusal.code, message: refusal.message, retryAfterMs: Math.ceil(refusal.retryAfterMs) };
  };
}

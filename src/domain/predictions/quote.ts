/**
 * What a prediction would cost and whether it would be admitted, if it were asked for now: the first three steps of the
 * corridor, then a look at what the fourth would decide. Nothing is run, reserved or counted.
 */
import { can, permissionDenied, type TenantActor } from '../access/index.js';
import { priceOf, type SubscriptionInForce } from '../marketplace/index.js';
import { computeClaimUs, type MeteringService, type Quota } from '../metering/index.js';
import { checkCommand } from './check-command.js';
import type { PredictRefusal } from './errors.js';
import type { FindRunnable } from './find-runnable.js';
import type { Money, PredictCommand } from './prediction.js';
import { claimFor } from './price.js';

export interface Quote {
  /** What `predict` would say instead of answering; empty: it would be admitted. */
  readonly refusals: readonly PredictRefusal[];
  /** What would run; `null`: nothing. */
  readonly versionId: string | null;
  readonly rows: number | null;
  /** `null`: nothing is asked for it. */
  readonly cost: QuotedCost | null;
  /** What is left, this prediction not counted. */
  readonly quotas: readonly Quota[];
}

/** If it is the next one of its subscription in this month. */
export interface QuotedCost {
  /** However little it computes. */
  readonly lowest: Money;
  /** If it computes as long as it did when the version was published. */
  readonly expected: Money;
  /** However long it computes: the rest is not charged. */
  readonly highest: Money;
}

export interface QuoteDeps {
  readonly findRunnable: FindRunnable;
  readonly metering: Pick<MeteringService, 'outlook'>;
  readonly defaultTimeoutMs: number;
}

/** Returns `quote`. The version is remembered as in `predict`; what is left is read, by one exchange with the database. */
export function createQuote({ findRunnable, metering, defaultTimeoutMs }: QuoteDeps) {
  return async function quote(actor: TenantActor, command: PredictCommand): Promise<Quote> {
    if (!can(actor, 'PREDICTION_RUN')) return refused([permissionDenied(actor, 'PREDICTION_RUN')]);
    const checked = checkCommand(command);
    if (!checked.ok) return refused(checked.error);
    const found = await findRunnable(actor, command);
    if (!found.ok) return refused(found.error);
    const { version, subscription, inputs } = found.value;
    const claim = claimFor(found.value, command.timeoutMs ?? defaultTimeoutMs);
    const outlook = await metering.outlook(actor, claim);
    const claimUs = claim.computeUs;
    return {
      refusals: outlook.refusal === null ? [] : [outlook.refusal],
      versionId: version.id,
      rows: inputs.rows,
      cost:
        subscription === null
          ? null
          : costOf(
              subscription,
              outlook.ordinal,
              expectedUs(version.measuredMs, inputs.rows, claimUs),
              claimUs,
            ),
      quotas: outlook.quotas,
    };
  };
}

function refused(refusals: readonly PredictRefusal[]): Quote {
  return { refusals, versionId: null, rows: null, cost: null, quotas: [] };
}

/** Where it was never measured, the least is expected that is ever claimed. */
function expectedUs(measuredMs: number | null, rows: number, claimUs: number): number {
  const us =
    measuredMs === null ? computeClaimUs(0, rows, 1) : Math.ceil(measuredMs * 1000 * Math.max(1, rows));
  return Math.min(us, claimUs);
}

function costOf(
  { terms }: SubscriptionInForce,
  ordinal: number,
  expected: number,
  highest: number,
): QuotedCost {
  const { currency } = terms;
  const at = (computeUs: number): Money => ({
    amountMicros: priceOf(terms, { ordinal, computeUs }),
    currency,
  });
  return { lowest: at(0), expected: at(expected), highest: at(highest) };
}

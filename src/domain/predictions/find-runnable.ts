/** Steps 1 to 3 of the corridor, which a quote goes too: what would run, on what terms, and on which inputs. */
import { ok, refuse, type Result } from '../../lib/result.js';
import type { TenantActor } from '../access/index.js';
import { modelNotFound } from '../catalog/index.js';
import type { MarketplaceService, SubscriptionInForce } from '../marketplace/index.js';
import { aliasOf, parseTarget } from './check-command.js';
import { checkInputs, unknownSignature, type CheckedInputs } from './check-inputs.js';
import type { PredictRefusal, PredictRefusals } from './errors.js';
import type { InputLimits } from './limits.js';
import type { PredictCommand, RunnableVersion } from './prediction.js';
import type { RunnableVersions } from './runnable-versions.js';

export interface Runnable {
  readonly version: RunnableVersion;
  /** That was followed to it. */
  readonly alias: string | null;
  /** `null`: nothing is asked for it. */
  readonly subscription: SubscriptionInForce | null;
  readonly inputs: CheckedInputs;
}

export type FindRunnable = (
  actor: TenantActor,
  command: PredictCommand,
) => Promise<Result<Runnable, PredictRefusals>>;

export interface FindRunnableDeps {
  readonly versions: RunnableVersions;
  readonly marketplace: Pick<MarketplaceService, 'entitlementFor'>;
  readonly limits: InputLimits;
}

export function createFindRunnable({ versions, marketplace, limits }: FindRunnableDeps): FindRunnable {
  return async function findRunnable(actor, command) {
    // 1 version: what the tenant may not see does not exist, in the same words.
    const reference = parseTarget(command.target);
    if (reference === null) return refuse([modelNotFound(['target'])]);
    const { tenantId } = actor;
    const asked = versions.find(tenantId, reference);
    // What is remembered takes no turn of its own.
    const found = asked instanceof Promise ? await asked : asked;
    if (found === null) return refuse([modelNotFound(['target'])]);

    // 2 entitlement
    const entitlement = marketplace.entitlementFor(actor, found.facts, 'PREDICT');
    if (!entitlement.ok) return refuse([entitlement.error]);
    if (found.yanked !== null) return refuse([found.yanked]);

    // 3 signature and inputs
    const version = withSignature(found, command.signature ?? null);
    if (version === null) return refuse([unknownSignature(found, command.signature ?? '')]);
    const inputs = checkInputs(version.signature, command.inputs, limits, version.artifact.batchable);
    if (!inputs.ok) return refuse(atLeastOne(inputs.error));
    const { subscription } = entitlement.value;
    return ok({ version, alias: aliasOf(reference), subscription, inputs: inputs.value });
  };
}

/** The version as the named signature calls it; `null` when it has none of that name. */
function withSignature(version: RunnableVersion, name: string | null): RunnableVersion | null {
  return name === null ? version : (version.signatures.get(name) ?? null);
}

export function atLeastOne(mistakes: readonly PredictRefusal[]): PredictRefusals {
  return mistakes as PredictRefusals;
}

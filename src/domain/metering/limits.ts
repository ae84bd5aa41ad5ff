/** Setting, removing and showing limits. The part of the metering service that is not on the way of a prediction. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { kindOfId, mayBeId, newId } from '../../lib/ids.js';
import { parsePageRequest, toPage, type Page } from '../../lib/page.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import {
  can,
  permissionDenied,
  type Permission,
  type PermissionDenied,
  type TenantActor,
} from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import {
  apiKeyNotFound,
  limitNotFound,
  modelNotFound,
  tenantNotFound,
  type InvalidUsageInput,
  type QuotaNotFound,
} from './errors.js';
import type { AccountFacts } from './lease-account.js';
import type { LeaseBook } from './lease-book.js';
import type { LeaseStore } from './lease-store.js';
import {
  checkAmount,
  checkPlace,
  type CheckedPlace,
  type LimitPlaceInput,
  type SetLimitInput,
} from './limit-input.js';
import {
  createLimitStore,
  type Limit,
  type LimitPlace,
  type LimitStanding,
  type ThresholdEvent,
} from './limit-store.js';
import { placeOf, shownAmount } from './measures.js';
import { dayOf, monthlyQuota, periodOf, quotaOfStanding, type Period, type Quota } from './quota.js';
import { createStandingStore } from './standing-store.js';
import type { MeteringStore } from './store.js';

export type LimitRefusal = PermissionDenied | InvalidUsageInput | QuotaNotFound;

export interface LimitsService {
  /**
   * Counts from the next reservation on, in every process. Needs PLATFORM_OPERATE for limits of a tenant, API_KEY_MANAGE
   * for those of its own keys and for its own limits of single models. Limits of subscriptions come with their plan.
   */
  setLimit(actor: TenantActor, input: SetLimitInput): Promise<Result<Limit, LimitRefusal>>;
  /** The same permissions. Answers what was removed. */
  removeLimit(actor: TenantActor, input: LimitPlaceInput): Promise<Result<Limit, LimitRefusal>>;
  /** All limits of the tenant, or those of one of its keys, outer to inner. Needs USAGE_READ. */
  limits(
    actor: TenantActor,
    input: { readonly apiKeyId?: string | null | undefined },
  ): Promise<Result<readonly Limit[], PermissionDenied | QuotaNotFound>>;
  /** That limits were used by 50, 80 and 100 per cent, the newest first. Needs USAGE_READ. */
  thresholdEvents(
    actor: TenantActor,
    input: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
  ): Promise<Result<Page<ThresholdEvent>, PermissionDenied | Refusal<'INVALID_INPUT'>>>;
}

export interface LimitsDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly book: LeaseBook;
  readonly leases: LeaseStore;
  readonly store: MeteringStore;
}

const THRESHOLDS_SORT = 'quota-thresholds';
/** How long a changed limit waits for other processes to give back what they took under the old one. */
const RECALL_WITHIN_MS = 1_000;
const RECALL_LOOK_MS = 20;

export function createLimits(deps: LimitsDeps) {
  const { database, clock, audit, book, leases, store } = deps;
  const limitStore = createLimitStore(database);
  const standings = createStandingStore(database);

  /** Until every living process has given back what it took ahead, or has had the time to. */
  async function awaitRecall(tenantId: string): Promise<void> {
    await book.recall(tenantId);
    const untilMs = clock.monotonicMs() + RECALL_WITHIN_MS;
    while (clock.monotonicMs() < untilMs && (await leases.isAwaitingRecall(tenantId))) {
      await sleep(RECALL_LOOK_MS);
    }
  }

  /**
   * Every limit that counts for the tenant and the named keys, first the predictions of the month, limited or not; and the
   * next place in the month of a subscription. One exchange with the database.
   */
  async function readStanding(
    tenantId: string,
    apiKeyIds: readonly string[],
    subscriptionId: string | null,
  ): Promise<{ readonly quotas: readonly Quota[]; readonly ordinal: number }> {
    // What an outage left behind is not shown as reserved.
    await book.payDebts();
    const now = clock.now();
    const [month, day] = [periodOf(now), dayOf(now)];
    const standing = await standings.read(tenantId, apiKeyIds, subscriptionId, { month, day, now });
    const { counters, limits, ordinal } = standing;
    const monthly = counters.map(({ subject, subjectId, reserved, ...counter }) => {
      const limit = limits.find((one) => isMonthly(one) && one.subjectId === subjectId);
      // What this process has leased and nothing runs on is not reserved: it is there for whoever asks.
      const [idle = 0] = book.idleOf(
        tenantId,
        (account) => isIn(month, account.period) && (subject === 'TENANT' || account.apiKeyId === subjectId),
      );
      const facts = { ...counter, limit: limit?.amount ?? null, reserved: Math.max(0, reserved - idle) };
      return monthlyQuota(subject, subjectId, facts, limit?.enforcement ?? 'HARD', month);
    });
    const others = limits
      .filter((one) => !isMonthly(one))
      .map((one) => quotaOfStanding(one, idleUnder(tenantId, one), { month, day }));
    return { quotas: [...monthly, ...others], ordinal };
  }

  const readQuotas = async (tenantId: string, apiKeyIds: readonly string[]) =>
    (await readStanding(tenantId, apiKeyIds, null)).quotas;

  function idleUnder(tenantId: string, limit: LimitStanding): number {
    const idle = book.idleOf(tenantId, (account) => countsUnder(limit, account));
    return idle[placeOf(limit.measure)] ?? 0;
  }

  /** Whose limit is meant, and whether the actor may set it. */
  async function resolve(
    tx: Tx,
    actor: TenantActor,
    input: LimitPlaceInput,
    checked: CheckedPlace,
  ): Promise<Result<{ readonly tenantId: string; readonly place: LimitPlace }, QuotaNotFound>> {
    const { tenantSlug = null, apiKeyId = null, modelId = null } = input;
    let { tenantId } = actor;
    if (tenantSlug !== null) {
      const found = mayBeId(tenantSlug) ? await store.findTenantIdBySlugAcrossTenants(tx, tenantSlug) : null;
      if (found === null) return refuse(tenantNotFound(['tenantSlug']));
      tenantId = found;
    }
    if (apiKeyId !== null) {
      const isThere = mayBeId(apiKeyId) && (await limitStore.hasApiKey(tx, tenantId, apiKeyId));
      if (!isThere) return refuse(apiKeyNotFound(['apiKeyId']));
    }
    if (modelId !== null) {
      // Of another tenant's models the operator knows no more than the id.
      const isSeen =
        kindOfId(modelId) === 'model' && (tenantSlug !== null || (await limitStore.seesModel(tx, modelId)));
      if (!isSeen) return refuse(modelNotFound(['modelId']));
    }
    const whose =
      apiKeyId === null
        ? ({ subject: 'TENANT', subjectId: tenantId } as const)
        : ({ subject: 'API_KEY', subjectId: apiKeyId } as const);
    return ok({ tenantId, place: { ...whose, modelId, ...checked } });
  }

  async function change(
    actor: TenantActor,
    input: LimitPlaceInput,
    action: 'setLimit' | 'removeLimit',
    details: Record<string, string | number>,
    write: (tx: Tx, tenantId: string, place: LimitPlace) => Promise<Result<Limit, QuotaNotFound>>,
  ): Promise<Result<Limit, LimitRefusal>> {
    const permission = permissionFor(input);
    if (!can(actor, permission)) return refuse(permissionDenied(actor, permission));
    const checked = checkPlace(input);
    if (!checked.ok) return checked;
    const acrossTenants = permission === 'PLATFORM_OPERATE';
    let changedTenantId = actor.tenantId;
    // The actor's own tenant is named too: the audit event is written there.
    const context = { tenantId: actor.tenantId, acrossTenants };
    const changed = await database.transaction<Result<Limit, QuotaNotFound>>(context, async (tx) => {
      const resolved = await resolve(tx, actor, input, checked.value);
      if (!resolved.ok) return resolved;
      const { tenantId, place } = resolved.value;
      changedTenantId = tenantId;
      const written = await write(tx, tenantId, place);
      if (!written.ok) return written;
      const { subjectId, subject, modelId, measure, window, currency } = place;
      const what = { subject, modelId, measure, window, currency, tenantSlug: input.tenantSlug ?? null };
      await audit.record(tx, actor, { action, subjectId, details: { ...what, ...details } });
      return written;
    });
    if (changed.ok) await awaitRecall(changedTenantId);
    return changed;
  }

  const service: LimitsService = {
    async setLimit(actor, input) {
      const place = checkPlace(input);
      const checked = place.ok ? checkAmount(input, place.value) : place;
      if (!checked.ok) {
        const permission = permissionFor(input);
        return can(actor, permission) ? checked : refuse(permissionDenied(actor, permission));
      }
      const { amount, enforcement } = checked.value;
      return change(actor, input, 'setLimit', { amount, enforcement }, async (tx, tenantId, where) => {
        const now = clock.now();
        const id = newId('limit', now.getTime());
        if (isMonthly(where)) {
          await limitStore.setMonthly(tx, tenantId, where, enforcement === 'HARD' ? amount : null, now);
        }
        if (!isMonthly(where) || enforcement === 'SOFT') {
          await limitStore.put(tx, tenantId, { ...where, id, amount, enforcement }, now);
        }
        const limit = await limitStore.find(tx, tenantId, where);
        if (limit === null) throw new Error('A limit that was just set is there.');
        return ok(limit);
      });
    },

    removeLimit: (actor, input) =>
      change(actor, input, 'removeLimit', {}, async (tx, tenantId, where) => {
        const limit = await limitStore.find(tx, tenantId, where);
        if (limit === null) return refuse(limitNotFound());
        if (isMonthly(where)) await limitStore.setMonthly(tx, tenantId, where, null, clock.now());
        await limitStore.remove(tx, tenantId, where);
        return ok(limit);
      }),

    async limits(actor, { apiKeyId = null }) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      if (apiKeyId !== null) {
        const isThere =
          mayBeId(apiKeyId) &&
          (await database.transaction({ tenantId: actor.tenantId }, (tx) =>
            limitStore.hasApiKey(tx, actor.tenantId, apiKeyId),
          ));
        if (!isThere) return refuse(apiKeyNotFound(['apiKeyId']));
      }
      return ok(await limitStore.listLimits(actor.tenantId, apiKeyId));
    },

    async thresholdEvents(actor, { first, after }) {
      if (!can(actor, 'USAGE_READ')) return refuse(permissionDenied(actor, 'USAGE_READ'));
      const page = parsePageRequest(THRESHOLDS_SORT, 3, { first, after }, isThresholdKey);
      if (!page.ok) return page;
      const events = await limitStore.listThresholdEvents(actor.tenantId, page.value);
      const rows = events.map((event) => ({ ...event, used: shownAmount(event.measure, event.used) }));
      return ok(
        toPage(rows, page.value, THRESHOLDS_SORT, ({ raisedAt, limitId, percent }) => [
          raisedAt.toISOString(),
          limitId,
          percent,
        ]),
      );
    },
  };
  return Object.freeze({ ...service, readQuotas, readStanding, awaitRecall });
}

/** Of a whole tenant, or in another's: the operator's. */
function permissionFor({ tenantSlug, apiKeyId, modelId }: LimitPlaceInput): Permission {
  const isOwn = (tenantSlug ?? null) === null;
  const isPart = (apiKeyId ?? null) !== null || (modelId ?? null) !== null;
  return isOwn && isPart ? 'API_KEY_MANAGE' : 'PLATFORM_OPERATE';
}

/** The limit that plans and keys have a column for. */
function isMonthly({ subject, modelId, measure, window }: LimitPlace): boolean {
  return subject !== 'SUBSCRIPTION' && modelId === null && measure === 'PREDICTIONS' && window === 'MONTH';
}

function isIn(period: Period, other: Period): boolean {
  return period.start.getTime() === other.start.getTime();
}

function countsUnder(limit: LimitStanding, account: AccountFacts): boolean {
  const { subject, subjectId, modelId, currency, window, windowStart } = limit;
  if (subject === 'API_KEY' && account.apiKeyId !== subjectId) return false;
  if (subject === 'SUBSCRIPTION' && account.subscription?.id !== subjectId) return false;
  if (modelId !== null && account.modelId !== modelId) return false;
  if (currency !== null && account.subscription?.currency !== currency) return false;
  if (window === 'DAY') return account.day.start.getTime() === windowStart.getTime();
  return window !== 'MONTH' || account.period.start.getTime() === windowStart.getTime();
}

/** A cursor is a client's text: a forged one must not reach the database with a time that it cannot read. */
function isThresholdKey([raisedAt, limitId, percent]: readonly (string | number)[]): boolean {
  if (typeof raisedAt !== 'string' || typeof limitId !== 'string' || !Number.isInteger(percent)) return false;
  const time = new Date(raisedAt);
  return !Number.isNaN(time.getTime()) && time.toISOString() === raisedAt && raisedAt.length === 24;
}

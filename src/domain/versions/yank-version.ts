/** The use cases behind `yankVersion` and `unyankVersion`: out of service, and back. The version itself never changes. */
import type { Transactions, Tx } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId, newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import { lockOwnModel } from '../catalog/index.js';
import {
  invalidInput,
  ownVersionNotFound,
  versionNotYanked,
  versionOutOfService,
  type Conflict,
  type InvalidInput,
  type NotFound,
} from './errors.js';
import { CONTROL_CHARACTERS } from './plain-text.js';
import type { Version } from './version.js';
import { findVersions } from './versions-store.js';
import type { PinnedCallers } from './yank.js';
import * as store from './yanks-store.js';

export interface YankVersionInput {
  readonly versionId: string;
  /** 1 to 1,000 characters; everybody who may see the version reads it. */
  readonly reason: string;
  /** KEEP when absent. */
  readonly pinnedCallers?: PinnedCallers | null | undefined;
}

export interface Yanking {
  /**
   * Takes a version out of service, on every server from the reply on; one that is out already gets the new reason and
   * mode. Needs VERSION_PUBLISH. Also on archived models, which still run.
   */
  yankVersion(
    actor: TenantActor,
    input: YankVersionInput,
  ): Promise<Result<Version, PermissionDenied | InvalidInput | NotFound>>;
  /** Back into service, on every server from the reply on. Needs VERSION_PUBLISH. */
  unyankVersion(
    actor: TenantActor,
    versionId: string,
  ): Promise<Result<Version, PermissionDenied | NotFound | Conflict>>;
}

type Unyankable = NotFound | Conflict;

/**
 * Why nobody new may be sent to a version: it is out of service, whatever its yank says of those who are pinned to it.
 * Asked in a transaction that holds the model, as a yank does, so that neither overtakes the other.
 */
export async function refusalOfNewCallers(
  tx: Tx,
  tenantId: string,
  { id, number }: Pick<Version, 'id' | 'number'>,
): Promise<Conflict | null> {
  const reason = await store.findYankReason(tx, tenantId, id);
  return reason === null ? null : versionOutOfService(number, reason);
}

const MAX_REASON_CHARACTERS = 1_000;

export function createYanking(deps: {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
}): Yanking {
  const { database, clock, audit } = deps;

  /** Holds the model, so that yanks and whatever else decides what runs come one after the other. */
  async function lockModelOf(tx: Tx, tenantId: string, versionId: string): Promise<string | null> {
    if (!mayBeId(versionId)) return null;
    const modelId = await store.findModelOfOwnVersion(tx, tenantId, versionId);
    if (modelId === null) return null;
    await lockOwnModel(tx, tenantId, modelId);
    return modelId;
  }

  /** Its own: who may yank it is shown it, whatever their key may otherwise read. */
  async function readOwn(tenantId: string, versionId: string): Promise<Version> {
    const [version] = await database.sql({ tenantId }, (query) =>
      findVersions(query, { tenantId, readsForTenant: true }, [versionId]),
    );
    if (version === undefined) throw new Error(`The version ${versionId} was there a moment ago.`);
    return version;
  }

  return Object.freeze({
    async yankVersion(actor: TenantActor, input: YankVersionInput) {
      if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
      const { tenantId } = actor;
      const { versionId, pinnedCallers: chosen } = input;
      const pinnedCallers = chosen ?? 'KEEP';
      const reason = input.reason.trim();
      const mistake = mistakeIn(reason);
      if (mistake !== null) return refuse(mistake);
      const yanked = await database.transaction({ tenantId }, async (tx): Promise<Result<null, NotFound>> => {
        const modelId = await lockModelOf(tx, tenantId, versionId);
        if (modelId === null) return refuse(ownVersionNotFound());
        const now = clock.now();
        const author = authorOf(actor);
        const replaces = await store.endYank(tx, tenantId, versionId, author, now);
        await store.insertYank(tx, tenantId, {
          id: newId('yank', now.getTime()),
          modelId,
          versionId,
          reason,
          pinnedCallers,
          yankedBy: author,
          since: now,
        });
        await audit.record(tx, actor, {
          action: 'yankVersion',
          subjectId: versionId,
          details: { modelId, reason, pinnedCallers, replaces },
        });
        return ok(null);
      });
      return yanked.ok ? ok(await readOwn(tenantId, versionId)) : yanked;
    },

    async unyankVersion(actor: TenantActor, versionId: string) {
      if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
      const { tenantId } = actor;
      const ended = await database.transaction(
        { tenantId },
        async (tx): Promise<Result<null, Unyankable>> => {
          const modelId = await lockModelOf(tx, tenantId, versionId);
          if (modelId === null) return refuse(ownVersionNotFound());
          if (!(await store.endYank(tx, tenantId, versionId, authorOf(actor), clock.now()))) {
            return refuse(versionNotYanked());
          }
          await audit.record(tx, actor, {
            action: 'unyankVersion',
            subjectId: versionId,
            details: { modelId },
          });
          return ok(null);
        },
      );
      return ended.ok ? ok(await readOwn(tenantId, versionId)) : ended;
    },
  });
}

function authorOf(actor: TenantActor): string {
  return actor.kind === 'user' ? actor.userId : actor.apiKeyId;
}

function mistakeIn(reason: string): InvalidInput | null {
  if (reason.length < 1 || reason.length > MAX_REASON_CHARACTERS) {
    return invalidInput(
      ['reason'],
      `A yank needs a reason of 1 to 1,000 characters, for those who used the version; found ${reason.length}.`,
    );
  }
  if (CONTROL_CHARACTERS.test(reason)) {
    return invalidInput(['reason'], 'reason holds control characters; send plain text.');
  }
  return null;
}

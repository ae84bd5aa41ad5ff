/** The use case behind `publishVersion`: an upload becomes a publication, which a runner makes a version. */
import type { Transactions } from '../../database/index.js';
import type { Clock } from '../../lib/clock.js';
import { mayBeId, newId } from '../../lib/ids.js';
import { ok, refuse, type Result } from '../../lib/result.js';
import { can, permissionDenied, type PermissionDenied, type TenantActor } from '../access/index.js';
import type { AuditService } from '../audit/index.js';
import {
  modelArchived,
  modelNotFound,
  readsForTenant,
  type ModelConflict,
  type ModelNotFound,
} from '../catalog/index.js';
import * as errors from './errors.js';
import { checkMetrics, type Metric } from './metrics.js';
import type { Outcomes } from './outcomes.js';
import { CONTROL_CHARACTERS } from './plain-text.js';
import type { ImportRefused, Publication } from './publication.js';
import { findIdByUpload, findOwnTarget, findPublications, insertPublication } from './publications-store.js';
import { checkSample, type SampleInput } from './sample.js';
import { createTurns } from './turns.js';
import { isUnfinished } from './transfers-store.js';
import { takeUpload } from './uploads-store.js';
import type { Version } from './version.js';
import { findVersions } from './versions-store.js';

export interface PublishVersionInput {
  readonly modelId: string;
  readonly uploadId: string;
  /** At most 10,000 characters. */
  readonly notes?: string | null | undefined;
  /** A version that the actor may see. */
  readonly derivedFromVersionId?: string | null | undefined;
  readonly metrics?: readonly Metric[] | null | undefined;
  /** What the trial runs in place of made-up inputs, and what must come out. */
  readonly sample?: SampleInput | null | undefined;
  /** How long to wait for the outcome, 0 to 120,000. */
  readonly waitMs?: number | null | undefined;
  /** Ends the waiting, not the publication. */
  readonly signal?: AbortSignal | undefined;
}

/** What has become of it within `waitMs`. */
export interface Published {
  readonly publication: Publication;
  readonly version: Version | null;
  /** Why there is no version; empty on success and while it runs. */
  readonly errors: readonly ImportRefused[];
}

export type PublishVersionRefusal =
  PermissionDenied | errors.InvalidInput | errors.NotFound | errors.Conflict | ModelNotFound | ModelConflict;

export interface PublishVersionDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly audit: Pick<AuditService, 'record'>;
  readonly outcomes: Outcomes;
  /** Tells the runner that there is something to do. */
  readonly wakeRunner: () => void;
}

const MAX_NOTES_CHARACTERS = 10_000;
const DEFAULT_WAIT_MS = 60_000;
const MAX_WAIT_MS = 120_000;

export type PublishVersion = (
  actor: TenantActor,
  input: PublishVersionInput,
) => Promise<Result<Published, PublishVersionRefusal>>;

export function createPublishVersion(deps: PublishVersionDeps): PublishVersion {
  const { database, clock, audit, outcomes, wakeRunner } = deps;
  const inTurn = createTurns();

  return async (actor, input) => {
    if (!can(actor, 'VERSION_PUBLISH')) return refuse(permissionDenied(actor, 'VERSION_PUBLISH'));
    const notes = (input.notes ?? '').trim();
    const waitMs = input.waitMs ?? DEFAULT_WAIT_MS;
    const mistake = mistakeIn(notes, waitMs);
    if (mistake !== null) return refuse(mistake);
    const metrics = checkMetrics(input.metrics ?? []);
    if (!metrics.ok) return metrics;
    const sample = input.sample == null ? ok(null) : checkSample(input.sample);
    if (!sample.ok) return sample;
    const derivedFrom = input.derivedFromVersionId ?? null;
    if (derivedFrom !== null && !(await maySee(actor, derivedFrom))) return refuse(errors.originNotFound());
    const said = { notes, derivedFrom, metrics: metrics.value };

    const begun = await inTurn(actor.tenantId, () => begin(actor, input, said, sample.value));
    if (!begun.ok) return begun;
    // Before the runner is woken, so that even the quickest end is heard.
    const ended = outcomes.wait(begun.value.id, waitMs, input.signal);
    wakeRunner();
    await ended;
    const publication = await readPublication(actor, begun.value.id);
    return ok(await published(actor, publication ?? begun.value));
  };

  /** What one may not see does not exist, also as an origin. */
  async function maySee(actor: TenantActor, versionId: string): Promise<boolean> {
    if (!mayBeId(versionId)) return false;
    const { tenantId } = actor;
    const reader = { tenantId, readsForTenant: readsForTenant(actor) };
    const found = await database.sql({ tenantId }, (query) => findVersions(query, reader, [versionId]));
    return found.length > 0;
  }

  /** Exactly one caller gets the upload; it and the publication change places in one transaction. */
  async function begin(
    actor: TenantActor,
    { modelId, uploadId }: PublishVersionInput,
    said: Pick<Publication, 'notes' | 'derivedFrom' | 'metrics'>,
    sample: string | null,
  ): Promise<Result<Publication, PublishVersionRefusal>> {
    const { tenantId } = actor;
    if (!mayBeId(modelId)) return refuse(modelNotFound());
    return database.transaction(
      { tenantId },
      async (tx): Promise<Result<Publication, PublishVersionRefusal>> => {
        // Not locked: should the model be archived meanwhile, no number is given out at the end.
        const model = await findOwnTarget(tx, tenantId, modelId);
        if (model === null) return refuse(modelNotFound());
        if (model.isArchived) return refuse(modelArchived());
        const now = clock.now();
        if (!mayBeId(uploadId)) return refuse(errors.uploadNotFound());
        const upload = await takeUpload(tx, tenantId, uploadId, now);
        if (upload === null) {
          const publicationId = await findIdByUpload(tx, tenantId, uploadId);
          if (publicationId === null && (await isUnfinished(tx, tenantId, uploadId))) {
            return refuse(errors.uploadUnfinished());
          }
          return refuse(
            publicationId === null ? errors.uploadNotFound() : errors.uploadConsumed(publicationId),
          );
        }
        const publication: Publication = {
          id: newId('publication', now.getTime()),
          tenantId,
          modelId,
          uploadId,
          digest: upload.digest,
          bytes: upload.bytes,
          ...said,
          status: 'QUEUED',
          phase: null,
          progress: 0,
          versionId: null,
          refusal: null,
          report: null,
          createdBy: actor.kind === 'user' ? actor.userId : actor.apiKeyId,
          requestId: actor.requestId,
          attempts: 0,
          createdAt: now,
          finishedAt: null,
        };
        await insertPublication(tx, tenantId, publication, sample);
        await audit.record(tx, actor, {
          action: 'publishVersion',
          subjectId: modelId,
          details: { publicationId: publication.id, uploadId, sha256: upload.digest, bytes: upload.bytes },
        });
        return ok(publication);
      },
    );
  }

  async function readPublication(actor: TenantActor, id: string): Promise<Publication | null> {
    const { tenantId } = actor;
    const [found] = await database.sql({ tenantId }, (query) => findPublications(query, tenantId, [id]));
    return found ?? null;
  }

  async function published(actor: TenantActor, publication: Publication): Promise<Published> {
    const { versionId, refusal } = publication;
    if (versionId === null) return { publication, version: null, errors: refusal === null ? [] : [refusal] };
    // Its own publication: what it has just made it may see, whatever its key may otherwise read.
    const reader = { tenantId: actor.tenantId, readsForTenant: true };
    const [version] = await database.sql({ tenantId: actor.tenantId }, (query) =>
      findVersions(query, reader, [versionId]),
    );
    return { publication, version: version ?? null, errors: [] };
  }
}

function mistakeIn(notes: string, waitMs: number): errors.InvalidInput | null {
  if (notes.length > MAX_NOTES_CHARACTERS) {
    return errors.invalidInput(['notes'], `notes has ${notes.length} characters; at most 10,000 are kept.`);
  }
  if (CONTROL_CHARACTERS.test(notes)) {
    return errors.invalidInput(['notes'], 'notes holds control characters; send plain text or Markdown.');
  }
  if (!Number.isInteger(waitMs) || waitMs < 0 || waitMs > MAX_WAIT_MS) {
    return errors.invalidInput(['waitMs'], `waitMs must be a whole number from 0 to ${MAX_WAIT_MS}.`);
  }
  return null;
}

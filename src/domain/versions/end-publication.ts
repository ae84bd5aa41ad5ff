/** The two ends of a publication, each in one transaction: a version, or a refusal that leaves nothing. */
import type { Transactions, Tx } from '../../database/index.js';
import type { ImportReport } from '../../importers/index.js';
import type { Clock } from '../../lib/clock.js';
import { newId } from '../../lib/ids.js';
import { ok, refuse, type Refusal, type Result } from '../../lib/result.js';
import type { ArtifactStore, StagedArtifact, StorageRefusal } from '../../storage/index.js';
import type { AuditService } from '../audit/index.js';
import { claimNextVersionNumber } from '../catalog/index.js';
import { lockDigest, type DigestKeeper } from './digests.js';
import { importRefused } from './errors.js';
import type { PublicationReport } from './import-run.js';
import type { ImportRefused, Publication } from './publication.js';
import { markRefused, markSucceeded } from './publications-store.js';
import type { Version } from './version.js';
import { insertVersion } from './versions-store.js';

export interface EndDeps {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  readonly digests: DigestKeeper;
  readonly audit: Pick<AuditService, 'record'>;
}

/** Somebody else runs the publication by now, so its end is theirs to write. */
type LeaseLost = Refusal<'LEASE_LOST'>;

const LEASE_LOST: LeaseLost = { code: 'LEASE_LOST', message: 'Another process runs this publication.' };

export interface PublicationEnds {
  /** Makes the version. `null`: the lease was lost, or the publication had to be refused after all. */
  succeed(
    publication: Publication,
    owner: string,
    imported: ImportReport,
    reportOf: () => PublicationReport,
  ): Promise<Version | null>;
  /** @param report `null` when nothing was begun */
  refuse(
    publication: Publication,
    owner: string,
    refusal: ImportRefused,
    report: PublicationReport | null,
  ): Promise<void>;
}

export function createPublicationEnds(deps: EndDeps): PublicationEnds {
  const { database, clock, artifacts, digests, audit } = deps;

  async function succeed(
    publication: Publication,
    owner: string,
    report: ImportReport,
    reportOf: () => PublicationReport,
  ): Promise<Version | null> {
    const staged = await artifacts.stageFile(report.packPath);
    if (!staged.ok) {
      await refusePublication(publication, owner, notStored(staged.error), reportOf());
      return null;
    }
    try {
      if (staged.value.digest !== report.packDigest) {
        throw new Error(`The pack of ${publication.id} is not the one that its import reported.`);
      }
      const made = await makeVersion(publication, owner, report, staged.value, reportOf);
      if (made.ok) return made.value;
      await digests.releaseAcrossTenants(report.packDigest);
      if (made.error.code === 'IMPORT_REFUSED') {
        await refusePublication(publication, owner, made.error, reportOf());
      }
      return null;
    } finally {
      await staged.value.discard();
    }
  }

  function makeVersion(
    publication: Publication,
    owner: string,
    report: ImportReport,
    pack: StagedArtifact,
    reportOf: () => PublicationReport,
  ): Promise<Result<Version, LeaseLost | ImportRefused>> {
    const { tenantId, modelId } = publication;
    return database.transaction(
      { tenantId },
      async (tx): Promise<Result<Version, LeaseLost | ImportRefused>> => {
        await lockDigest(tx, pack.digest);
        const kept = await pack.keep();
        if (!kept.ok) return refuse(notStored(kept.error));
        // Last before the version, because it holds the model's row until the transaction ends.
        const number = await claimNextVersionNumber(tx, tenantId, modelId);
        if (number === null) return refuse(modelGone());
        const version = versionOf(publication, number, report, clock.now());
        const { id, createdAt } = version;
        if (!(await markSucceeded(tx, tenantId, publication.id, owner, id, reportOf(), createdAt))) {
          return refuse(LEASE_LOST);
        }
        await insertVersion(tx, tenantId, version);
        await record(tx, publication, 'createVersion', version.id, {
          modelId,
          publicationId: publication.id,
          number,
          sha256: version.digest,
          format: version.format,
          runtime: version.runtime,
        });
        return ok(version);
      },
    );
  }

  async function refusePublication(
    publication: Publication,
    owner: string,
    refusal: ImportRefused,
    report: PublicationReport | null,
  ): Promise<void> {
    const { tenantId, id } = publication;
    const ended = await database.transaction({ tenantId }, async (tx): Promise<Result<null, LeaseLost>> => {
      if (!(await markRefused(tx, tenantId, id, owner, refusal, report, clock.now())))
        return refuse(LEASE_LOST);
      await record(tx, publication, 'refusePublication', id, {
        modelId: publication.modelId,
        sha256: publication.digest,
        reason: refusal.reason,
        subject: refusal.subject,
      });
      return ok(null);
    });
    if (ended.ok) await digests.releaseAcrossTenants(publication.digest);
  }

  function record(
    tx: Tx,
    { tenantId, createdBy, requestId }: Publication,
    action: string,
    subjectId: string,
    details: Record<string, string | number | null>,
  ): Promise<void> {
    const isKey = createdBy?.startsWith('key_') === true;
    const author = {
      tenantId,
      requestId,
      userId: isKey ? null : createdBy,
      apiKeyId: isKey ? createdBy : null,
    };
    return audit.record(tx, author, { action, subjectId, details });
  }

  return Object.freeze({ succeed, refuse: refusePublication });
}

function versionOf(publication: Publication, number: number, report: ImportReport, now: Date): Version {
  return {
    id: newId('version', now.getTime()),
    tenantId: publication.tenantId,
    modelId: publication.modelId,
    number,
    format: report.format,
    producer: report.producer,
    digest: publication.digest,
    bytes: publication.bytes,
    packDigest: report.packDigest,
    packBytes: report.packBytes,
    signature: report.signature,
    signatures: report.signatures,
    runtime: report.runtime,
    batchable: report.batchable,
    trials: report.trials,
    parameterCount: report.parameterCount,
    weightBytes: report.weightBytes,
    operations: report.operations,
    findings: report.notes,
    notes: publication.notes,
    derivedFrom: publication.derivedFrom,
    metrics: publication.metrics,
    createdBy: publication.createdBy,
    createdAt: now,
  };
}

function notStored(refusal: StorageRefusal): ImportRefused {
  return importRefused('LIMIT_EXCEEDED', {
    message: `The model was imported, but could not be stored: ${refusal.message}`,
    subject: null,
  });
}

function modelGone(): ImportRefused {
  return importRefused('IMPORT_CRASHED', {
    message: 'The model was archived while the file was being imported, and an archived model is read-only.',
    subject: null,
  });
}

/** What a yank means for a call. Pure. */
import type { Refusal } from '../../lib/result.js';

export const PINNED_CALLERS = ['KEEP', 'REFUSE'] as const;
/** What happens to who names the yanked version itself. */
export type PinnedCallers = (typeof PINNED_CALLERS)[number];

/** Why a version is out of service. Only yanks in force are ever handed out. */
export interface Yank {
  readonly versionId: string;
  /** The owner of the model. */
  readonly tenantId: string;
  readonly reason: string;
  readonly pinnedCallers: PinnedCallers;
  /** Id of the user or API key. */
  readonly yankedBy: string | null;
  readonly since: Date;
}

/** A call of a version that may not run it. */
export type VersionYanked = Refusal<'VERSION_YANKED'> & {
  readonly yankReason: string;
  readonly yankedSince: Date;
  /** Number of the newest version in service. */
  readonly useInstead: number | null;
};

/** What is known of a yank where a call comes to a version. */
export interface YankAtCall extends Pick<Yank, 'reason' | 'pinnedCallers' | 'since'> {
  /** `owner/name`. */
  readonly modelName: string;
  readonly number: number;
  readonly useInstead: number | null;
}

/**
 * The refusal of a call, or `null` when it may run. Whoever named the version (by id, by number or through an alias)
 * is pinned to it; whoever asked for the newest comes to a yanked one only when there is no other, and is refused
 * whatever the yank says, since nobody chose that version.
 */
export function refusalOfCall(yank: YankAtCall, isPinned: boolean): VersionYanked | null {
  if (isPinned && yank.pinnedCallers === 'KEEP') return null;
  const { modelName, number, reason, since, useInstead } = yank;
  const instead =
    useInstead === null
      ? 'No other version of the model is in service.'
      : `Use ${modelName}:${useInstead} instead.`;
  return {
    code: 'VERSION_YANKED',
    message: `${modelName}:${number} was yanked by its publisher: ${asSentence(reason)} ${instead} Nothing was charged.`,
    path: ['target'],
    yankReason: reason,
    yankedSince: since,
    useInstead,
  };
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

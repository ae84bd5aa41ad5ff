/** From least to most. As a set (of a grant) each stands for itself and VIEW; as a level (publicAccess) for all before it. */
export const RIGHTS = ['VIEW', 'PREDICT', 'DOWNLOAD'] as const;

export type Right = (typeof RIGHTS)[number];

export const VISIBILITIES = ['PRIVATE', 'UNLISTED', 'PUBLIC'] as const;

export type Visibility = (typeof VISIBILITIES)[number];

/** What the rule of visibility needs to know of a model. */
export interface ModelFacts {
  /** The owner. */
  readonly tenantId: string;
  readonly visibility: Visibility;
  /** A level: counts only while the model is PUBLIC or UNLISTED. */
  readonly publicAccess: Right;
}

/** A model as the asking tenant reads it. */
export interface Model extends ModelFacts {
  readonly id: string;
  readonly ownerSlug: string;
  readonly name: string;
  readonly summary: string;
  /** Markdown from strangers. Null where a list left it away because of its size; load the model by id for it. */
  readonly card: string | null;
  readonly licence: string | null;
  readonly tags: readonly string[];
  readonly task: string | null;
  /** Number of the newest version; 0 while there is none. */
  readonly lastVersionNumber: number;
  readonly archivedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** What a grant in force gives the asking tenant; empty without one, and for its own models. */
  readonly grantRights: readonly Right[];
  /** Whether the asking tenant has a subscription in force on it. */
  readonly isSubscribed: boolean;
}

/** `owner/name`, the name that people and clients use. */
export function fullNameOf(model: Pick<Model, 'ownerSlug' | 'name'>): string {
  return `${model.ownerSlug}/${model.name}`;
}

/** Which models are in use now, by a count that fades; from it the load lane knows what to copy and what to spare. */
import type { Signature } from '../lib/tensor.js';
import type { RunnableArtifact } from './types.js';

export interface ModelUse {
  readonly version: string;
  readonly artifact: RunnableArtifact;
  readonly signature: Signature;
}

export interface ModelUses {
  record(use: ModelUse, requests: number, nowMs: number): void;
  /** Used often lately: worth a second place in memory. */
  hot(nowMs: number): ModelUse[];
  /** Used lately. */
  active(nowMs: number): string[];
}

interface Counted {
  readonly use: ModelUse;
  score: number;
  atMs: number;
}

const FADES_WITHIN_MS = 10_000;
const HOT_SCORE = 8;
const ACTIVE_SCORE = 0.5;
const MAX_MODELS = 1_024;

export function createModelUses(): ModelUses {
  // In order of last use: the first is the one to forget.
  const models = new Map<string, Counted>();
  const scoreAt = ({ score, atMs }: Counted, nowMs: number): number =>
    score * Math.exp((atMs - nowMs) / FADES_WITHIN_MS);

  return Object.freeze({
    record(use: ModelUse, requests: number, nowMs: number): void {
      const { version } = use;
      const known = models.get(version);
      const score = (known === undefined ? 0 : scoreAt(known, nowMs)) + requests;
      models.delete(version);
      models.set(version, { use, score, atMs: nowMs });
      const oldest = models.keys().next();
      if (models.size > MAX_MODELS && oldest.done !== true) models.delete(oldest.value);
    },
    hot: (nowMs: number) =>
      [...models.values()].filter((model) => scoreAt(model, nowMs) >= HOT_SCORE).map(({ use }) => use),
    active: (nowMs: number) =>
      [...models].filter(([, model]) => scoreAt(model, nowMs) >= ACTIVE_SCORE).map(([version]) => version),
  });
}

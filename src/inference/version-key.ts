import type { RunnableArtifact } from './types.js';

/** Names a model in memory: the same pack on two engines is two models. */
export function versionKeyOf({ digest, runtime }: Pick<RunnableArtifact, 'digest' | 'runtime'>): string {
  return `${runtime}:${digest}`;
}

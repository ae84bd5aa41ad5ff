import type { RunnableArtifact } from './types.js';

/** Names a model in memory: the same pack on two engines is two models. */
export function versionKeyOf({ digest, runtime }: Pick<RunnableArtifact, 'digest' | 'runtime'>): string {
  return `${runtime}:${digest}`;
}

/** Names what of a version runs: one of its signatures. @param version its key */
export function programKeyOf(
  { signatureName }: Pick<RunnableArtifact, 'signatureName'>,
  version: string,
): string {
  return signatureName === undefined ? version : `${version}/${signatureName}`;
}

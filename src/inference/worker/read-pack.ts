import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ok, refuse, type Result } from '../../lib/result.js';
import type { WireRefusal } from '../messages.js';
import type { RunnableArtifact } from '../types.js';

/**
 * Reads a pack and checks that its bytes hash to its digest: what runs is what was validated, even after a
 * disk error or a swapped file. The message names the digest, never the path.
 */
export async function readVerifiedPack(artifact: RunnableArtifact): Promise<Result<Uint8Array, WireRefusal>> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(artifact.path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return refuse({
      code: 'LOAD_FAILED',
      message: `The file of model ${artifact.digest} cannot be read (${code}).`,
    });
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== artifact.digest) {
    return refuse({
      code: 'LOAD_FAILED',
      message: `The file of model ${artifact.digest} is damaged: its bytes hash to ${found}.`,
    });
  }
  return ok(bytes);
}

/** What every hostile file must meet: a refusal with the right code that names what is at fault. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ImportRefusal, ImportRefusalCode } from '../../src/importers/index.js';
import { blocksOf, writeWeights } from '../../src/importers/pack-file.js';
import { readArtifact } from '../../src/importers/read-artifact.js';
import { Refused } from '../../src/importers/refused.js';

export type HostileCase = readonly [
  what: string,
  bytes: () => Uint8Array | Promise<Uint8Array>,
  code: ImportRefusalCode,
  /** Must appear in the subject or, where that is null, in the message. */
  names: string,
];

export const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

/**
 * Reads a file as the child does, all but the trial, in this process: quick, and an exception that is no
 * refusal fails the test. `null` when the file was accepted.
 */
export async function readInProcess(bytes: Uint8Array): Promise<ImportRefusal | null> {
  const directory = mkdtempSync(join(tmpdir(), 'souk-read-'));
  try {
    const path = join(directory, 'artifact');
    writeFileSync(path, bytes);
    const model = await readArtifact(path, directory, () => undefined);
    writeWeights(directory, blocksOf(model), () => undefined);
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function refusesEach(cases: readonly HostileCase[]): void {
  it.each(cases)('%s is refused by name', async (_what, bytes, code, names) => {
    const refusal = await readInProcess(await bytes());
    expect(refusal).toMatchObject({ code });
    expect(refusal?.subject ?? refusal?.message).toContain(names);
    expect(refusal?.message).toMatch(/\.$/);
  });
}

/** Public TFJS graph models, lowered, against TensorFlow.js's own executor on the same library. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { importArtifact } from '../../../src/importers/child/import-artifact.js';
import { zipOf } from '../../support/zip.js';

const MODELS = fileURLToPath(new URL('../../../node_modules/@vladmandic/human/models/', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'souk-lowering-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface ModelJson {
  readonly weightsManifest: readonly { readonly paths: readonly string[] }[];
}

function archiveOf(name: string): string {
  const json = readFileSync(join(MODELS, `${name}.json`));
  const { weightsManifest } = JSON.parse(json.toString()) as ModelJson;
  const shards = weightsManifest.flatMap(({ paths }) => paths);
  const path = join(directory, `${name}.zip`);
  writeFileSync(
    path,
    zipOf([
      { name: 'model.json', data: json },
      ...shards.map((shard) => ({ name: shard, data: readFileSync(join(MODELS, shard)) })),
    ]),
  );
  return path;
}

// A plain network, and one with quantised weights and a loop in frames with lists of tensors.
it.each(['liveness', 'handtrack'])(
  '%s gives what the executor gives',
  async (name) => {
    expect(readdirSync(MODELS)).toContain(`${name}.json`);
    const workDirectory = mkdtempSync(join(directory, 'work-'));
    const imported = await importArtifact(
      { artifactPath: archiveOf(name), workDirectory, runtimes: ['tfjs-graph', 'tfjs-node'] },
      () => undefined,
      () => undefined,
    );
    if (!imported.ok) throw new Error(imported.error.message);
    const [lowered, executor] = imported.value.trials;
    expect(executor).toMatchObject({ runtime: 'tfjs-node', ok: true, maxRelativeDiff: 0 });
    expect(lowered).toMatchObject({ runtime: 'tfjs-graph', ok: true, reason: null });
    expect(lowered?.maxRelativeDiff).toBeLessThan(1e-4);
  },
  90_000,
);

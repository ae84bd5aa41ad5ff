/** A version made from another, beside it, out of service and back. */
import { expect } from 'vitest';
import { fixture } from '../../support/api.js';
import type { Client } from './client.js';
import { layersModel } from './files.js';

export async function meetProvenance(client: Client, owner: string): Promise<void> {
  const base = await client.publish(owner, await fixture('keras/dense.h5'));
  const publish = async (more: object) =>
    client.done('publishVersion', owner, {
      modelId: base.modelId,
      uploadId: await client.upload(owner, await fixture('keras/dense.keras')),
      ...more,
    });
  const metrics = [
    { name: 'loss', value: 0.125 },
    { name: 'accuracy', value: 0.98 },
  ];
  const { inputs, outputs } = JSON.parse(String(await fixture('keras/dense.io.json'))) as Record<
    string,
    number[][]
  >;
  const sample = { inputs: [{ data: inputs }], outputs: [{ data: outputs }], tolerance: 1e-4 };
  const tuned = (await publish({ derivedFromVersionId: base.versionId, metrics, sample })).version;
  const [differing] = await client.refused('publishVersion', owner, {
    modelId: base.modelId,
    uploadId: await client.upload(owner, await fixture('keras/dense.keras')),
    sample: { ...sample, outputs: [{ data: inputs }] },
  });
  expect(differing).toMatchObject({ code: 'IMPORT_REFUSED', reason: 'SAMPLE_MISMATCH', path: ['uploadId'] });
  const next = (await publish({ metrics: [{ name: 'accuracy', value: 0.99 }] })).version;
  const found = await client.node('Version', owner, tuned.id);
  expect(found).toMatchObject({
    derivedFrom: {},
    metrics: [...metrics].reverse(),
    yank: null,
    publication: { status: 'SUCCEEDED', attempts: 1 },
  });
  const { report } = await client.node('Publication', owner, found.publication.id);
  expect(report).toMatchObject({ format: 'KERAS_V3', networkCutOff: expect.any(Boolean) });
  expect(report.peakMemoryBytes).toBeGreaterThan(10_000_000);
  expect(report.sample).toMatchObject({ inputs: [{}], tolerance: 1e-4 });
  expect(report.sample.comparedOutputs).toHaveLength(1);
  expect(report.sample.largestDifference).toBeLessThan(1e-4);
  const { derivatives } = await client.node('Version', owner, base.versionId);
  expect(derivatives.nodes).toHaveLength(1);

  const sides = `(a: "${tuned.id}", b: "${next.id}")`;
  const compared = await client.query('compareVersions', owner, sides);
  expect(compared).toMatchObject({ compatibility: 'COMPATIBLE', differences: [] });
  expect(compared.metrics).toMatchObject([
    { name: 'accuracy', a: 0.98, b: 0.99 },
    { name: 'loss', a: 0.125, b: null, change: null },
  ]);

  const other = await client.publish(owner, layersModel());
  const different = await client.query(
    'compareVersions',
    owner,
    `(a: "${next.id}", b: "${other.versionId}")`,
  );
  expect(different).toMatchObject({ compatibility: 'BREAKING' });
  expect(different.differences[0]).toMatchObject({ verdict: 'BREAKING' });

  const { secret } = await client.done('createApiKey', owner, {
    name: 'ci',
    scopes: ['VERSION_PUBLISH', 'MODEL_READ'],
  });
  const yank = { versionId: next.id, reason: 'It answers 7 for every 1.', pinnedCallers: 'REFUSE' };
  const yanked = await client.done('yankVersion', secret, yank);
  expect(yanked.version.yank).toMatchObject({ reason: yank.reason, pinnedCallers: 'REFUSE' });
  const seen = await client.node('Version', owner, next.id);
  expect(seen.yank).toMatchObject({ apiKeyId: expect.stringMatching(/^key_/), userId: null });
  const input = (versionId: string) => ({ target: { versionId }, inputs: [{ data: [Array(10).fill(0.5)] }] });
  const [refusal] = await client.refused('predict', owner, input(next.id));
  expect(refusal).toMatchObject({
    code: 'VERSION_YANKED',
    yankReason: yank.reason,
    useInstead: 2,
    path: ['target'],
  });
  expect(refusal?.message).toContain(yank.reason);
  const newest = { target: { modelId: base.modelId }, inputs: [{ data: [Array(10).fill(0.5)] }] };
  const answered = await client.done('predict', owner, newest);
  expect(answered.prediction.receipt.versionNumber).toBe(2);

  const [elsewhere] = await client.refused('setAlias', owner, {
    modelId: base.modelId,
    name: 'production',
    versionId: next.id,
    reason: 'Ready.',
  });
  expect(elsewhere).toMatchObject({ code: 'CONFLICT', path: ['versionId'] });
  await client.done('unyankVersion', owner, { versionId: next.id });
  await client.done('predict', owner, input(next.id));
  const kept = await client.done('yankVersion', owner, { ...yank, pinnedCallers: 'KEEP' });
  expect(kept.version.yank).toMatchObject({ userId: expect.stringMatching(/^usr_/), apiKeyId: null });
  await client.done('predict', owner, input(next.id));
}

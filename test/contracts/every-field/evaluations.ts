/** Datasets of every kind, evaluations of every kind of output and in every state, and two of them compared. */
import { expect } from 'vitest';
import sharp from 'sharp';
import { datasetFixture, digitsZip } from '../../support/datasets.js';
import { until } from '../../support/until.js';
import { zipOf } from '../../support/zip.js';
import type { Client } from './client.js';
import { largestModel, tableModel, textModel } from './files.js';

/** Labels that one model reads right and another does not, numbers that a table does not know, texts. */
const CSV = 'a,b,c,label\n0,1,2,2\n1,0,0,0\n0,0,1,2\n2,1,0,0\n0,1,0,1\n';

export async function meetEvaluations(
  client: Client,
  owner: string,
  ids: Record<string, string>,
): Promise<void> {
  const dataset = async (name: string, bytes: Uint8Array, more: object = {}) => {
    const uploadId = await client.upload(owner, bytes);
    return (await client.done('createDataset', owner, { name, uploadId, ...more })).dataset;
  };
  const evaluate = async (versionId: string | undefined, datasetId: string, more: object = {}) =>
    (await client.done('evaluateVersion', owner, { versionId, datasetId, waitMs: 30_000, ...more }))
      .evaluation;

  const picture = await sharp({ create: { width: 5, height: 4, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const pictures = zipOf([
    { name: 'cat/1.png', data: picture },
    { name: 'dog/2.png', data: picture },
  ]);
  const grey = await dataset('grey', pictures, { color: 'GREY', width: 28, height: 28 });
  expect(grey).toMatchObject({ format: 'IMAGES', columns: [{ shape: [28, 28, 1] }] });
  await dataset('coloured', pictures, { color: 'RGB' });
  const arrays = await dataset('arrays', await datasetFixture('plain.npz'));
  expect(arrays).toMatchObject({ format: 'NPZ', rows: 4 });
  const digits = await dataset('digits', await digitsZip(), { color: 'AS_IS' });
  const table = await dataset('table', Buffer.from(CSV));
  const measures = await dataset('measures', Buffer.from('a;b;c;target\n1;2;3;3.5\n4;5;6;6\n0;0;1;0.5\n'));
  ids['Dataset'] = digits.id;

  const right = await evaluate(ids['Version'], digits.id, { scale: 1 / 255, layout: 'NHWC' });
  const wrong = await evaluate(ids['Version'], digits.id, { scale: -1 / 255, offset: 1 });
  expect(right).toMatchObject({ status: 'SUCCEEDED', report: { accuracy: 0.95 } });
  expect(right.report.classification.topK).toMatchObject([{ k: 3 }, { k: 5 }]);
  ids['Evaluation'] = right.id;
  const compared = await client.query('compareEvaluations', owner, `(a: "${right.id}", b: "${wrong.id}")`);
  expect(compared.agreement.onlyA).toBeGreaterThan(compared.agreement.onlyB);

  const largest = await client.publish(owner, largestModel());
  expect(await evaluate(largest.versionId, measures.id)).toMatchObject({
    plan: { reading: 'VALUE' },
    report: { accuracy: null, regression: { meanAbsoluteError: (0.5 + 0 + 0.5) / 3 } },
  });
  const binary = await dataset('binary', Buffer.from('a,b,c,label\n0.1,0,0,no\n0.9,0,0,yes\n0.8,0,0,no\n'));
  expect(await evaluate(largest.versionId, binary.id)).toMatchObject({
    plan: { reading: 'THRESHOLD', labels: ['no', 'yes'] },
    report: { accuracy: 2 / 3, examples: [{ row: 2, label: 'no', predicted: 'yes' }] },
  });
  const text = await client.publish(owner, textModel());
  const words = await dataset('words', Buffer.from('x,label\na,a\nb,a\nc,c\nz,c\n'));
  expect(await evaluate(text.versionId, words.id, { labels: ['c', 'b', 'a'] })).toMatchObject({
    plan: { reading: 'LABEL' },
    report: { accuracy: 0.5, classification: { otherPredictions: 1 } },
  });

  // Its table has three entries: the row of a 99 cannot be run.
  const lookup = await client.publish(owner, tableModel());
  const scores = await evaluate(lookup.versionId, table.id, {
    reading: 'ARGMAX',
    inputs: [{ input: 'x', columns: ['c', 'b', 'a'] }],
  });
  expect(scores).toMatchObject({ status: 'SUCCEEDED', report: { loss: null } });
  expect(scores.report.findings).not.toEqual([]);
  const unknown = await dataset('unknown', Buffer.from(`${CSV}99,0,0,1\n`));
  expect(await evaluate(lookup.versionId, unknown.id, { reading: 'ARGMAX', batchRows: 1 })).toMatchObject({
    status: 'FAILED',
    failure: { code: 'PREDICTION_FAILED' },
    rowsDone: 5,
    report: { rows: 5 },
  });

  const begun = await evaluate(ids['Version'], digits.id, { batchRows: 1, waitMs: 0, layout: 'NHWC' });
  const inUse = await client.refused('deleteDataset', owner, { datasetId: digits.id });
  expect(inUse).toMatchObject([{ code: 'CONFLICT', path: ['datasetId'] }]);
  const cancelled = await client.done('cancelEvaluation', owner, { evaluationId: begun.id });
  expect(cancelled.evaluation).toMatchObject({ status: 'CANCELLED' });
  const twice = await client.refused('cancelEvaluation', owner, { evaluationId: begun.id });
  expect(twice).toMatchObject([{ code: 'CONFLICT', path: ['evaluationId'] }]);
  await client.done('resumeEvaluation', owner, { evaluationId: begun.id });
  await until(async () => (await client.node('Evaluation', owner, begun.id)).status === 'SUCCEEDED', {
    timeoutMs: 30_000,
  });
  const ended = await client.refused('resumeEvaluation', owner, { evaluationId: begun.id });
  expect(ended).toMatchObject([{ code: 'CONFLICT', path: ['evaluationId'] }]);

  const misfit = await client.refused('evaluateVersion', owner, {
    versionId: ids['Version'],
    datasetId: table.id,
    layout: 'NCHW',
  });
  expect(misfit).toMatchObject([{ code: 'INVALID_INPUT', path: ['inputs'] }]);
  const noLabels = await client.refused('createDataset', owner, {
    name: 'none',
    uploadId: await client.upload(owner, Buffer.from('a,b\n1,2\n')),
  });
  expect(noLabels).toMatchObject([{ code: 'INVALID_INPUT', path: ['labelColumn'] }]);
  const pickled = await client.refused('createDataset', owner, {
    name: 'none',
    uploadId: await client.upload(owner, await datasetFixture('pickled.npz')),
  });
  expect(pickled).toMatchObject([
    { code: 'IMPORT_REFUSED', reason: 'UNSUPPORTED_TENSOR', importSubject: 'y' },
  ]);

  await client.done('deleteDataset', owner, { datasetId: arrays.id });
  await client.query('dataset', owner, `(id: "${digits.id}")`);
  await client.query('evaluation', owner, `(id: "${right.id}")`);
  await client.query('evaluations', owner, '(first: 5)');
}

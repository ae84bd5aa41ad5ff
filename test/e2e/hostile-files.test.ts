/**
 * Some of the hostile corpus through a real server, with everything that the whole campaign watches: bait that rings
 * when it is touched, a neighbour who predicts, the store, the log, the memory. All of it: `npm run campaign:hostile`.
 */
import { expect, it } from 'vitest';

interface Summary {
  readonly files: number;
  readonly refused: number;
  readonly accepted: number;
  readonly neighbour: { readonly predictions: number; readonly errors: number };
  readonly broken: readonly string[];
}

const FILES = [
  'foreign/empty',
  'archive/zip-climbs-out',
  'keras-h5/external-link',
  'keras-h5/polyglot-with-a-zip-behind',
  'tfjs-graph/shard-http-url',
  'saved-model/op-readfile-of-a-pipe',
  'onnx/node-that-reads-nothing',
  'onnx/external-pipe',
];

it('hostile files are refused or contained, touch nothing, and nobody else notices', async () => {
  // Beside the other campaigns, which are no part of the compiled sources.
  const path = '../../scripts/hostile/campaign.mjs';
  const { runCampaign } = (await import(path)) as {
    runCampaign: (options: { only: RegExp; watchesRepository: boolean }) => Promise<Summary>;
  };
  const only = new RegExp(`^(${FILES.join('|')})$`);
  const summary = await runCampaign({ only, watchesRepository: false });
  expect(summary.broken).toEqual([]);
  expect(summary).toMatchObject({ files: FILES.length, accepted: 1, refused: FILES.length - 1 });
  expect(summary.neighbour.predictions).toBeGreaterThan(10);
  expect(summary.neighbour.errors).toBe(0);
}, 300_000);

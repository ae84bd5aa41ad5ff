import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareStack } from '../../support/compare-stacks.js';
import { createEngines } from '../../support/importing.js';
import { recipes } from '../../support/random-stacks.js';

// Thousands of them: `npm run campaign:lowering`.
it('random stacks of layers answer lowered as tfjs-layers predicts, with one row and with five', async () => {
  const engines = createEngines();
  await fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      const { problem, classes } = await compareStack(engines, recipe);
      expect(problem, classes.join(' ')).toBeNull();
    }),
    { numRuns: 25 },
  );
});

// `npm run campaign:lowering`: random stacks of tfjs-layers, saved, read, lowered, and run beside tfjs-layers' own predict
// with one row and with five. Each failure is told with the recipe that repeats it, made as small as it gets.
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import './typescript/register.mjs';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
const { values } = parseArgs({
  options: {
    stacks: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
  },
});
const { compareStack } = await import('../test/support/compare-stacks.ts');
const { createEngines } = await import('../test/support/importing.ts');
const { recipes } = await import('../test/support/random-stacks.ts');

const engines = createEngines();
const counts = {};
const problems = new Set();
let [done, skipped, layers, diff] = [0, 0, 0, 0];
const property = fc.asyncProperty(recipes, async (recipe) => {
  const result = await compareStack(engines, recipe);
  done++;
  if (result.isSkipped) skipped++;
  layers += result.classes.length;
  for (const name of result.classes) counts[name] = (counts[name] ?? 0) + 1;
  if (Number.isFinite(result.diff)) diff = Math.max(diff, result.diff);
  if (done % 200 === 0) console.error(`${done} stacks, largest difference ${diff.toExponential(1)}`);
  if (result.problem === null) return;
  problems.add(result.problem);
  throw new Error(result.problem);
});
const outcome = await fc.check(property, {
  numRuns: Number(values.stacks),
  seed: Number(values.seed),
  interruptAfterTimeLimit: Number(values.minutes) * 60_000,
  markInterruptAsFailure: false,
});
if (outcome.failed) {
  console.log(`✗ ${outcome.errorInstance?.message}`);
  console.log(`  npm run campaign:lowering -- --seed ${values.seed} --stacks ${outcome.numRuns}`);
  console.log(`  ${JSON.stringify(outcome.counterexample?.[0])}`);
}
console.log(
  JSON.stringify(
    { stacks: done, skipped, layers, largestDifference: diff, failed: outcome.failed, counts },
    null,
    2,
  ),
);
process.exit(outcome.failed ? 1 : 0);

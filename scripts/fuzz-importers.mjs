// `npm run campaign:fuzz-importers`: damaged files of every format, each the same in every run. The readers run in a
// thread that can be ended, file after file; of those that they take every 20th goes through a whole throw-away child, with the engines. Each
// must be a model or a refusal with a known reason. A failure prints the line that repeats it.
import { parseArgs } from 'node:util';
import './typescript/register.mjs';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    target: { type: 'string', default: '' },
    // One case of one target, told in full.
    seed: { type: 'string' },
    'child-every': { type: 'string', default: '20' },
  },
});
const { runFuzz } = await import('../test/support/fuzz/run.ts');

const single = values.seed !== undefined;
const result = await runFuzz({
  cases: single ? 1 : Number(values.cases),
  from: single ? Number(values.seed) : Number(values.from),
  target: values.target === '' ? null : values.target,
  childEvery: single ? 1 : Number(values['child-every']),
  onFailure: ({ target, seed, outcome }) => {
    console.log(`✗ ${target} ${seed}: ${outcome}`);
    console.log(`  npm run campaign:fuzz-importers -- --target ${target} --seed ${seed}`);
  },
  onProgress: (done, total) => {
    if (done % 1000 === 0) console.error(`${done} of ${total}`);
  },
});
console.log(JSON.stringify(result, null, 2));
process.exit(result.failures.length === 0 ? 0 : 1);

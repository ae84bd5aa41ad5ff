// `npm test`: prepares what is missing, then every check and test; the last line is the totals.
// With arguments (`npm test -- test/unit/lib`) only the named tests run, without the checks.
import { conclude, runChecks, runTests } from './checks.mjs';
import { setup } from './setup.mjs';

const args = process.argv.slice(2);
const failure = { passed: 0, failed: 1, skipped: 0 };

let engine;
try {
  ({ engine } = await setup({ insistOnEngine: true }));
} catch (error) {
  process.stdout.write(`✗ set-up\n${error.details ?? error.stack}\n${error.message}\n`);
  conclude(failure);
  process.exit(1);
}

// A machine without the native engine can serve, but what is tested on it proves only half.
const isNative = engine.engine === 'tfjs-node';
process.stdout.write(`${isNative ? '✓' : '✗'} native engine: ${engine.way} (${engine.detail})\n`);
const native = isNative ? { passed: 1, failed: 0, skipped: 0 } : failure;

if (args.length > 0) conclude(native, await runTests(args));
else conclude(native, await runChecks(), await runTests([]));

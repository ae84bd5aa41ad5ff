#!/usr/bin/env node
// `souk`: the command line. The program is built by `npm run setup`, or by the first `npm start`.
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(program)) {
  process.stderr.write('souk is not built yet; run `npm run setup` in its folder once.\n');
  process.exit(1);
}
const { run } = await import(program.href);
process.exitCode = await run(process.argv.slice(2), process.env);

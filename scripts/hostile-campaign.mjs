// `npm run campaign:hostile`: every file of the hostile corpus, uploaded to a real server and published, while
// another tenant predicts. Prints a table, with `--json` one line per file and a summary; exit code 1 when a file
// did anything but what is expected of it. `--only PATTERN` takes the files whose names match.
import { parseArgs } from 'node:util';
import './typescript/register.mjs';

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, json: { type: 'boolean', default: false } },
});
const { runCampaign } = await import('./hostile/campaign.mjs');

const print = (row) => {
  if (values.json) return console.log(JSON.stringify(row));
  const { name, code, verdictMs, memoryMib, broken } = row;
  const mark = broken.length === 0 ? '✓' : '✗';
  console.log(
    `${mark} ${name.padEnd(48)} ${code.padEnd(22)} ${String(verdictMs).padStart(6)} ms ${String(memoryMib).padStart(5)} MiB`,
  );
  for (const line of broken) console.log(`    ${line}`);
};

const summary = await runCampaign({ only: new RegExp(values.only), onFile: print });
if (values.json) console.log(JSON.stringify({ summary: true, ...summary }));
else {
  console.log('');
  for (const [name, value] of Object.entries(summary))
    console.log(`${name.padEnd(28)} ${JSON.stringify(value)}`);
}
process.exit(summary.broken.length === 0 ? 0 : 1);

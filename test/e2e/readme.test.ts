/** The README's first steps run as printed; only the port and the data directory are the test's own. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ INFERENCE_WORKERS: '1' });
});
afterAll(() => server.stop());

/** The code block after `<!-- readme-test: NAME -->`. */
function snippet(name: string): string {
  const code = new RegExp(`<!-- readme-test: ${name} -->\\s*\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(
    readme,
  )?.[1];
  if (code === undefined) throw new Error(`The README has no snippet ${name}.`);
  return code
    .replaceAll('localhost:4000', new URL(server.url).host)
    .replaceAll('.data/', `${server.dataDirectory}/`);
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], { cwd: root, timeout: 60_000 });
  return stdout;
}

it('a model is created, published and asked, first by curl and then by a program', async () => {
  const shell = await run('bash', ['-euo', 'pipefail', '-c', snippet('shell')]);
  expect(shell).toContain('"number":1');
  const answer = JSON.parse(shell.slice(shell.lastIndexOf('{"data"'))) as {
    data: { predict: { prediction: { outputs: { shape: number[] }[] }; errors: unknown[] } };
  };
  expect(answer.data.predict.errors).toEqual([]);
  expect(answer.data.predict.prediction.outputs[0]?.shape).toEqual([1, 10]);

  const program = JSON.parse(await run(process.execPath, ['-e', snippet('node')])) as {
    prediction: { receipt: { sha256: string } };
  };
  expect(program.prediction.receipt.sha256).toMatch(/^[0-9a-f]{64}$/);
});

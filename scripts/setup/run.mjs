// Runs the tools that set-up needs: never with our stdin (it may be absent), never without a deadline,
// and silently: their output is shown only when they fail.
import { spawn } from 'node:child_process';
import { root } from './paths.mjs';

const KEPT_OUTPUT_CHARS = 20_000;
const running = new Set();

/** Ends what is still running, for a set-up that is interrupted. */
export function killRunning() {
  for (const child of running) child.kill('SIGKILL');
}

/**
 * @returns {Promise<{ok: boolean, output: string, stdout: string}>} never rejects: a missing program is `ok: false`
 */
export function run(command, args, { cwd = root, env = {}, deadlineMs = 60_000, onOutput } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    let stdout = '';
    const keep = (text, chunk) => (text + chunk).slice(-KEPT_OUTPUT_CHARS);
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout = keep(stdout, chunk);
      output = keep(output, chunk);
      onOutput?.(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      output = keep(output, chunk);
      onOutput?.(chunk);
    });
    const deadline = setTimeout(() => {
      output += `\n${command} was ended after ${deadlineMs / 1000} s.`;
      child.kill('SIGKILL');
    }, deadlineMs);
    const finish = (ok) => {
      clearTimeout(deadline);
      running.delete(child);
      resolve({ ok, output: output.trim(), stdout: stdout.trim() });
    };
    child.on('error', (error) => {
      output += error.message;
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

/** As `run`, but a failure is an error that carries the end of the tool's output. */
export async function mustRun(what, command, args, options) {
  const result = await run(command, args, options);
  if (!result.ok) {
    throw new SetupError(`${what} failed.`, shorten(result.output.split('\n')));
  }
  return result;
}

// Tools say the reason first (npm) or last (compilers): both ends are kept.
function shorten(lines) {
  if (lines.length <= 40) return lines.join('\n');
  return [...lines.slice(0, 20), '…', ...lines.slice(-20)].join('\n');
}

/** A failure that a person can act on: one sentence, and the tool's own words below it. */
export class SetupError extends Error {
  constructor(message, details = '') {
    super(message);
    this.details = details;
  }
}

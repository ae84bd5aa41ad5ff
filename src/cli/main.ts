/** `souk`: the public API from a terminal. `bin/souk.mjs` starts it. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { createApi, type Api } from './api.js';
import { readCredentials, type Environment } from './credentials.js';
import { EXIT, Failure } from './failure.js';
import { listModels, listVersions } from './lists.js';
import { login } from './login.js';
import { createOutput, type Output } from './output.js';
import { predict, type PredictOptions } from './predict.js';
import { pull, type PullOptions } from './pull.js';
import { push, type PushOptions } from './push.js';
import { TENSOR_FILE_FORMS } from './tensor-file.js';

interface Session {
  readonly api: Api;
  readonly output: Output;
  readonly environment: Environment;
  readonly signal: AbortSignal;
}

/** Runs one command; answers the exit code. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const stop = new AbortController();
  // The first one ends in good order, the second one at once.
  const onSignal = () => (stop.signal.aborted ? process.exit(EXIT.interrupted) : stop.abort());
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const output = createOutput({ out: process.stdout, err: process.stderr }, args.includes('--json'));
  try {
    await createProgram(environment, output, stop.signal).parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (stop.signal.aborted) {
      output.failure('INTERRUPTED', 'Stopped. Run the same command again to go on.');
      return EXIT.interrupted;
    }
    if (!(error instanceof Failure)) throw error;
    output.failure(error.code, error.message);
    return error.exitCode;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function createProgram(environment: Environment, output: Output, signal: AbortSignal): Command {
  const program = new Command('souk')
    .description('Publish models to a Souk server and fetch them from it.')
    .exitOverride()
    .showHelpAfterError()
    .addHelpText(
      'after',
      `
The server and the key: SOUK_URL and SOUK_API_KEY, or what \`souk login\` keeps.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no valid key, 4 server not reached, 130 stopped.`,
    );
  const session = async (): Promise<Session> => {
    const api = createApi(await readCredentials(environment), signal);
    return { api, output, environment, signal };
  };

  command(
    program,
    'login [url]',
    'keep the server and an API key, which is asked for or read from stdin',
  ).action((url: string | undefined) =>
    login(environment, url ?? environment['SOUK_URL'] ?? 'http://127.0.0.1:4000', output, signal),
  );

  command(
    program,
    'push <file>',
    'publish a file, or a directory such as a SavedModel, as the next version of a model',
  )
    .requiredOption('-m, --model <owner/name>', 'the model')
    .option('--create', 'make the model when there is none')
    .option('--notes <text>', 'what is new in this version')
    .option(
      '--sample <file>',
      'a call that is run first, with `outputs` that must come out; else it is not published',
    )
    .option('--again', 'publish once more what the newest version is already')
    .action(async (file: string, options: PushOptions) => push(await session(), file, options));

  command(program, 'pull <version>', 'fetch the file of owner/name, owner/name:3 or owner/name@alias')
    .option('-o, --output <file>', 'where to; by default the name of the model in this directory')
    .option('--force', 'replace another file of that name')
    .action(async (version: string, options: PullOptions) => pull(await session(), version, options));

  command(
    program,
    'predict <version>',
    'run owner/name, owner/name:3 or owner/name@alias on the inputs in a file',
  )
    .requiredOption('-i, --input <file>', 'JSON, - for standard input')
    .option('--version <number>', 'as owner/name:number', wholeNumber)
    .option('--alias <name>', 'as owner/name@name')
    .option('--signature <name>', 'one that does not answer by default')
    .option('--timeout-ms <number>', 'for waiting, loading and computing together', wholeNumber)
    .addHelpText('after', `\nThe file is ${TENSOR_FILE_FORMS}.`)
    .action(async (version: string, options: PredictOptions) => predict(await session(), version, options));

  command(program, 'models', 'the models that you can find')
    .option('-s, --search <words>', 'in name, owner, summary, tags, task or card')
    .option('-n, --limit <number>', 'most rows', wholeNumber, 100)
    .action(async ({ search, limit }: { readonly search?: string; readonly limit: number }) =>
      listModels((await session()).api, output, search, limit),
    );

  command(program, 'versions <model>', 'the versions of owner/name, newest first')
    .option('-n, --limit <number>', 'most rows', wholeNumber, 100)
    .action(async (model: string, { limit }: { readonly limit: number }) =>
      listVersions((await session()).api, output, model, limit),
    );

  return program;
}

function command(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--json', 'one JSON object on stdout and nothing else')
    .exitOverride();
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d{1,6}$/.test(text) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}

/** `souk predict owner/name --input FILE.json`: one prediction; the answer on stdout, its receipt on stderr. */
import type { Api, ApiError } from './api.js';
import { refused } from './api.js';
import { EXIT, Failure } from './failure.js';
import { escaped, type Output } from './output.js';
import { parseVersionReference } from './reference.js';
import { readSampleFile } from './tensor-file.js';

export interface PredictOptions {
  /** A file, or `-`. */
  readonly input: string;
  readonly version?: number;
  readonly alias?: string;
  readonly signature?: string;
  readonly timeoutMs?: number;
}

interface Receipt {
  readonly model: string;
  readonly versionNumber: number;
  readonly alias: string | null;
  readonly sha256: string;
  readonly runtime: string;
  readonly rows: number;
  readonly batchSize: number;
  readonly queueMs: number;
  readonly loadMs: number;
  readonly computeMs: number;
  readonly charged: number;
  readonly remaining: number | null;
  readonly requestId: string;
}

interface Prediction {
  readonly id: string;
  readonly outputs: readonly object[] | null;
  readonly receipt: Receipt;
}

const SELECTION = `prediction { id outputs { name datatype shape data }
  receipt { model versionNumber alias sha256 runtime rows batchSize queueMs loadMs computeMs charged remaining requestId } }`;

export async function predict(
  { api, output }: { readonly api: Api; readonly output: Output },
  reference: string,
  options: PredictOptions,
): Promise<void> {
  const model = targetOf(reference, options);
  const { inputs } = await readSampleFile(options.input);
  const { signature, timeoutMs } = options;
  const payload = await api.mutate<{ readonly prediction: Prediction | null }>('predict', SELECTION, {
    target: { model },
    inputs,
    ...(signature === undefined ? {} : { signature }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const { prediction } = payload;
  if (prediction === null) throw refusedFor(payload.errors);
  const { id, receipt } = prediction;
  const outputs = prediction.outputs ?? [];
  output.note(receiptLine(id, receipt));
  output.result({ id, outputs, receipt }, [escaped(JSON.stringify(outputs))]);
}

/** `owner/name:3` or `owner/name@alias`, whichever way it was said. */
function targetOf(reference: string, { version, alias }: PredictOptions): string {
  const said = parseVersionReference(reference);
  const numbers = [said.number, version].filter((number) => number != null);
  const aliases = [said.alias, alias].filter((name) => name != null);
  if (numbers.length + aliases.length > 1) {
    const message =
      'Say once which version is meant: owner/name:3 or --version 3, owner/name@alias or --alias alias.';
    throw new Failure(message, EXIT.usage, 'INVALID_INPUT');
  }
  const model = `${said.owner}/${said.name}`;
  if (numbers.length === 1) return `${model}:${numbers[0]}`;
  return aliases.length === 1 ? `${model}@${aliases[0]}` : model;
}

/** All mistakes of the inputs in one message. */
function refusedFor(errors: readonly ApiError[]): Failure {
  const [first] = errors;
  if (first === undefined) return new Failure('The server gave no answer.');
  const lines = errors.map(({ message, path }) =>
    path == null ? message : `${message} (${path.join('.')})`,
  );
  return refused({ code: first.code, message: lines.join(' ') });
}

function receiptLine(id: string, receipt: Receipt): string {
  const { model, versionNumber, alias, runtime, rows, batchSize, queueMs, loadMs, computeMs } = receipt;
  const { charged, remaining, sha256, requestId } = receipt;
  const shared = batchSize > 1 ? ` in a batch of ${batchSize} requests` : '';
  const left = remaining === null ? '' : `, ${remaining} left this month`;
  return [
    `${model}:${versionNumber}${alias === null ? '' : ` (${alias})`}`,
    `sha256 ${sha256.slice(0, 12)}`,
    `${runtime}, ${rows} ${rows === 1 ? 'row' : 'rows'}${shared}`,
    `queued ${queueMs.toFixed(1)} ms, loaded ${loadMs.toFixed(1)} ms, computed ${computeMs.toFixed(1)} ms`,
    `charged ${charged}${left}`,
    `${id}, ${requestId}`,
  ].join(' | ');
}

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';

/**
 * Everything that an operator can set, from the environment; read once, here and nowhere else. Each
 * variable stands in `.env.example` with its default.
 */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** Absolute: children that work in it have another working directory. */
  readonly dataDirectory: string;
  /** `null`: the embedded PostgreSQL in the data directory. */
  readonly databaseUrl: string | null;
  /** `null`: generated into the data directory. */
  readonly jwtSecret: string | null;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly signUp: 'open' | 'invited';
  readonly trustProxy: boolean;
  /** Whether clients may ask for the GraphQL schema. */
  readonly introspection: boolean;
  /** `null`: /metrics answers only to this machine. */
  readonly metricsToken: string | null;
  /** Of JSON; inputs of predictions are in it. */
  readonly maxBodyBytes: number;
  readonly maxUploadBytes: number;
  /** Of a tenant that nobody gave a limit of its own: artifacts and unfinished uploads. */
  readonly defaultStorageBytes: number;
  readonly importTimeoutMs: number;
  readonly importMaxMemoryBytes: number;
  /** Of a tenant that nobody gave a limit of its own. */
  readonly defaultPredictionsPerMonth: number;
  /** Of each API key or signed-in user. */
  readonly predictionsPerMinute: number;
  /** Of each tenant. */
  readonly maxConcurrentPredictions: number;
  /** Days after the end of a month until its statements are closed; `null`: only an operator closes them. */
  readonly closeStatementsAfterDays: number | null;
  /** Whole months before the current one whose usage events are kept; `null`: all, for ever. */
  readonly usageRetentionMonths: number | null;
  readonly inference: {
    readonly workers: number;
    readonly isolation: 'thread' | 'process';
    /** Native threads that each worker computes with. */
    readonly threadsPerWorker: number;
    /** In the order in which they are tried. */
    readonly runtimes: readonly (typeof RUNTIMES)[number][];
    /** Of loaded models, in all workers together. */
    readonly memoryBytes: number;
    readonly defaultTimeoutMs: number;
    /** Rows that joined requests may have together; 1: requests are not joined. */
    readonly maxBatchRows: number;
    readonly scheduling: 'fair' | 'fifo';
  };
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
// Two even on one core, so that a slow model does not stop the others; more than eight only by the operator's word.
const MIN_DEFAULT_WORKERS = 2;
const MAX_DEFAULT_WORKERS = 8;
const RUNTIMES = ['tfjs-graph', 'tfjs-node', 'tfjs-wasm', 'onnx'] as const;

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

const flag = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');

const runtimes = z
  .string()
  .transform((list) => list.split(',').map((name) => name.trim()))
  .pipe(
    z
      .array(z.enum(RUNTIMES, `must be a comma-separated list of ${RUNTIMES.join(', ')}`))
      .refine((names) => new Set(names).size === names.length, 'must not name a runtime twice'),
  );

const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'must be a PostgreSQL URL: postgresql://USER:PASSWORD@HOST:PORT/DATABASE');

/** What each variable must be; all are optional, and an empty one counts as absent. */
const VARIABLES = z.object({
  PORT: whole(0, 65_535).optional(),
  HOST: z.string().optional(),
  DATA_DIR: z.string().optional(),
  DATABASE_URL: postgresUrl.optional(),
  JWT_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= 32, 'must have at least 32 bytes')
    .optional(),
  LOG_LEVEL: z
    .enum(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      'must be trace, debug, info, warn, error, fatal or silent',
    )
    .optional(),
  SIGN_UP: z.enum(['open', 'invited'], 'must be open or invited').optional(),
  TRUST_PROXY: flag.optional(),
  INTROSPECTION: flag.optional(),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  MAX_BODY_BYTES: whole(KIB, 512 * MIB).optional(),
  MAX_UPLOAD_BYTES: whole(1, 1024 * GIB).optional(),
  DEFAULT_STORAGE_BYTES: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  IMPORT_TIMEOUT_MS: whole(1_000, 3_600_000).optional(),
  IMPORT_MAX_MEMORY_BYTES: whole(256 * MIB, 1024 * GIB).optional(),
  DEFAULT_PREDICTIONS_PER_MONTH: whole(0, 1_000_000_000).optional(),
  PREDICTIONS_PER_MINUTE: whole(1, 1_000_000_000).optional(),
  MAX_CONCURRENT_PREDICTIONS: whole(1, 1_000_000).optional(),
  CLOSE_STATEMENTS_AFTER_DAYS: z
    .string()
    .regex(/^(never|\d{1,3})$/, 'must be a whole number of days up to 999, or never')
    .optional(),
  USAGE_RETENTION_MONTHS: whole(1, 1_200).optional(),
  INFERENCE_ISOLATION: z.enum(['thread', 'process'], 'must be thread or process').optional(),
  INFERENCE_WORKERS: whole(1, 256).optional(),
  INFERENCE_THREADS: whole(1, 1_024).optional(),
  INFERENCE_RUNTIMES: runtimes.optional(),
  INFERENCE_MEMORY_BYTES: whole(64 * MIB, 1024 * GIB).optional(),
  INFERENCE_MAX_BATCH_ROWS: whole(1, 4_096).optional(),
  INFERENCE_SCHEDULING: z.enum(['fair', 'fifo'], 'must be fair or fifo').optional(),
  PREDICT_TIMEOUT_MS: whole(1, 300_000).optional(),
});

/** For the test that holds `.env.example` to it. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(VARIABLES.shape);

/** `problems` has one line per mistake, each beginning with the variable's name. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Reads the configuration; reports every problem at once. Values are not repeated in the problems: some
 * are secrets.
 * @param coreCount cores of this machine, which decide the number of workers
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  coreCount = availableParallelism(),
): ConfigResult {
  const present = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  const parsed = VARIABLES.safeParse(Object.fromEntries(present));
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}.`);
  if (environment.DATABASE_URL && !environment.JWT_SECRET) {
    problems.push(
      'JWT_SECRET is required when DATABASE_URL is set, so that every process signs with the same one.',
    );
  }
  if (!parsed.success) return { ok: false, problems };
  const values = parsed.data;
  if (problems.length > 0) return { ok: false, problems };
  // One core is left to HTTP, GraphQL and Postgres.
  const workers =
    values.INFERENCE_WORKERS ?? Math.min(MAX_DEFAULT_WORKERS, Math.max(MIN_DEFAULT_WORKERS, coreCount - 1));
  const config: Config = {
    port: values.PORT ?? 4000,
    host: values.HOST ?? '127.0.0.1',
    dataDirectory: resolve(values.DATA_DIR ?? '.data'),
    databaseUrl: values.DATABASE_URL ?? null,
    jwtSecret: values.JWT_SECRET ?? null,
    logLevel: values.LOG_LEVEL ?? 'info',
    signUp: values.SIGN_UP ?? 'open',
    trustProxy: values.TRUST_PROXY ?? false,
    introspection: values.INTROSPECTION ?? true,
    metricsToken: values.METRICS_TOKEN ?? null,
    maxBodyBytes: values.MAX_BODY_BYTES ?? 16 * MIB,
    maxUploadBytes: values.MAX_UPLOAD_BYTES ?? 2 * GIB,
    defaultStorageBytes: values.DEFAULT_STORAGE_BYTES ?? 100 * GIB,
    importTimeoutMs: values.IMPORT_TIMEOUT_MS ?? 25_000,
    importMaxMemoryBytes: values.IMPORT_MAX_MEMORY_BYTES ?? 4 * GIB,
    defaultPredictionsPerMonth: values.DEFAULT_PREDICTIONS_PER_MONTH ?? 100_000,
    predictionsPerMinute: values.PREDICTIONS_PER_MINUTE ?? 60_000,
    maxConcurrentPredictions: values.MAX_CONCURRENT_PREDICTIONS ?? 512,
    closeStatementsAfterDays:
      values.CLOSE_STATEMENTS_AFTER_DAYS === 'never' ? null : Number(values.CLOSE_STATEMENTS_AFTER_DAYS ?? 3),
    usageRetentionMonths: values.USAGE_RETENTION_MONTHS ?? null,
    inference: Object.freeze({
      workers,
      isolation: values.INFERENCE_ISOLATION ?? 'thread',
      // All workers busy at once must not ask for more threads than there are cores.
      threadsPerWorker: values.INFERENCE_THREADS ?? Math.max(1, Math.floor(coreCount / workers)),
      runtimes: Object.freeze(values.INFERENCE_RUNTIMES ?? [...RUNTIMES]),
      memoryBytes: values.INFERENCE_MEMORY_BYTES ?? 2 * GIB,
      defaultTimeoutMs: values.PREDICT_TIMEOUT_MS ?? 10_000,
      maxBatchRows: values.INFERENCE_MAX_BATCH_ROWS ?? 64,
      scheduling: values.INFERENCE_SCHEDULING ?? 'fair',
    }),
  };
  return { ok: true, config: Object.freeze(config) };
}

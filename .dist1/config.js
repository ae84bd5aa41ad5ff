import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const MIN_DEFAULT_WORKERS = 2;
const MAX_DEFAULT_WORKERS = 8;
const RUNTIMES = ["tfjs-node", "tfjs-wasm"];
const whole = (min, max) => z.string().regex(/^\d+$/, "must be a whole number").transform(Number).refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);
const flag = z.enum(["true", "false"], "must be true or false").transform((value) => value === "true");
const runtimes = z.string().transform((list) => list.split(",").map((name) => name.trim())).pipe(
  z.array(z.enum(RUNTIMES, `must be a comma-separated list of ${RUNTIMES.join(", ")}`)).refine((names) => new Set(names).size === names.length, "must not name a runtime twice")
);
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\//, "must be a PostgreSQL URL: postgresql://USER:PASSWORD@HOST:PORT/DATABASE");
const VARIABLES = z.object({
  PORT: whole(0, 65535).optional(),
  HOST: z.string().optional(),
  DATA_DIR: z.string().optional(),
  DATABASE_URL: postgresUrl.optional(),
  JWT_SECRET: z.string().refine((secret) => Buffer.byteLength(secret) >= 32, "must have at least 32 bytes").optional(),
  LOG_LEVEL: z.enum(
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    "must be trace, debug, info, warn, error, fatal or silent"
  ).optional(),
  SIGN_UP: z.enum(["open", "invited"], "must be open or invited").optional(),
  TRUST_PROXY: flag.optional(),
  INTROSPECTION: flag.optional(),
  METRICS_TOKEN: z.string().min(16, "must have at least 16 characters").optional(),
  MAX_BODY_BYTES: whole(KIB, 512 * MIB).optional(),
  MAX_UPLOAD_BYTES: whole(1, 1024 * GIB).optional(),
  IMPORT_TIMEOUT_MS: whole(1e3, 36e5).optional(),
  IMPORT_MAX_MEMORY_BYTES: whole(256 * MIB, 1024 * GIB).optional(),
  DEFAULT_PREDICTIONS_PER_MONTH: whole(0, 1e9).optional(),
  PREDICTIONS_PER_MINUTE: whole(1, 1e9).optional(),
  MAX_CONCURRENT_PREDICTIONS: whole(1, 1e6).optional(),
  INFERENCE_ISOLATION: z.literal("thread", "must be thread: this version runs predictions in worker threads").optional(),
  INFERENCE_WORKERS: whole(1, 256).optional(),
  INFERENCE_RUNTIMES: runtimes.optional(),
  INFERENCE_MEMORY_BYTES: whole(64 * MIB, 1024 * GIB).optional(),
  PREDICT_TIMEOUT_MS: whole(1, 3e5).optional()
});
const VARIABLE_NAMES = Object.keys(VARIABLES.shape);
function readConfig(environment = process.env, coreCount = availableParallelism()) {
  const present = Object.entries(environment).filter(([, value]) => value !== void 0 && value !== "");
  const parsed = VARIABLES.safeParse(Object.fromEntries(present));
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}.`);
  if (environment.DATABASE_URL && !environment.JWT_SECRET) {
    problems.push(
      "JWT_SECRET is required when DATABASE_URL is set, so that every process signs with the same one."
    );
  }
  if (!parsed.success) return { ok: false, problems };
  const values = parsed.data;
  if (problems.length > 0) return { ok: false, problems };
  const config = {
    port: values.PORT ?? 4e3,
    host: values.HOST ?? "127.0.0.1",
    dataDirectory: resolve(values.DATA_DIR ?? ".data"),
    databaseUrl: values.DATABASE_URL ?? null,
    jwtSecret: values.JWT_SECRET ?? null,
    logLevel: values.LOG_LEVEL ?? "info",
    signUp: values.SIGN_UP ?? "open",
    trustProxy: values.TRUST_PROXY ?? false,
    introspection: values.INTROSPECTION ?? true,
    metricsToken: values.METRICS_TOKEN ?? null,
    maxBodyBytes: values.MAX_BODY_BYTES ?? 16 * MIB,
    maxUploadBytes: values.MAX_UPLOAD_BYTES ?? 2 * GIB,
    importTimeoutMs: values.IMPORT_TIMEOUT_MS ?? 6e4,
    importMaxMemoryBytes: values.IMPORT_MAX_MEMORY_BYTES ?? 4 * GIB,
    defaultPredictionsPerMonth: values.DEFAULT_PREDICTIONS_PER_MONTH ?? 1e5,
    predictionsPerMinute: values.PREDICTIONS_PER_MINUTE ?? 6e4,
    maxConcurrentPredictions: values.MAX_CONCURRENT_PREDICTIONS ?? 512,
    inference: Object.freeze({
      // One core is left to HTTP, GraphQL and Postgres.
      workers: values.INFERENCE_WORKERS ?? Math.min(MAX_DEFAULT_WORKERS, Math.max(MIN_DEFAULT_WORKERS, coreCount - 1)),
      runtimes: Object.freeze(values.INFERENCE_RUNTIMES ?? [...RUNTIMES]),
      memoryBytes: values.INFERENCE_MEMORY_BYTES ?? 2 * GIB,
      defaultTimeoutMs: values.PREDICT_TIMEOUT_MS ?? 1e4
    })
  };
  return { ok: true, config: Object.freeze(config) };
}
export {
  VARIABLE_NAMES,
  readConfig
};
//# sourceMappingURL=config.js.map

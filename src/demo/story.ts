/** The story: two tenants, three trained models, one bill. Everything goes through the public API. */
import { succeeded, type Client, type UserError } from './client.js';
import {
  POSE_SIDE,
  DIGIT_SIDE,
  readDigit,
  readDigitsModel,
  readExpected,
  readFigure,
  readPoseModel,
} from './material.js';
import { measureVersions, type Measured } from './evaluate.js';
import * as operations from './operations.js';

export const KEY_LIMIT = 100;
/**
 * Largest difference from Python's probabilities that the story accepts. Python saw the pictures before they
 * were cut to 8 bits for the PNG files, which alone moves a probability by up to 1.4e-3.
 */
const TOLERANCE = 5e-3;

type Errors = { readonly errors: readonly UserError[] };

export interface PublishedVersion {
  readonly model: string;
  readonly version: number;
  readonly format: string;
  readonly sha256: string;
  readonly runtime: string;
  /** Share of the 40 test images that it reads right, from its evaluation; null where there is nothing to score. */
  accuracy: number | null;
}

export interface StoryResult {
  readonly runtime: string;
  readonly versions: readonly PublishedVersion[];
  /** What `evaluateVersion` found of the two digits versions, on the same rows. */
  readonly evaluation: Measured;
  readonly maxAbsDiff: number;
  readonly pose: { readonly keypoints: number; readonly meanConfidence: number };
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly quota: {
    readonly limit: number;
    readonly used: number;
    readonly refused: number;
    readonly resetsAt: string | null;
    readonly ledger: number;
    readonly usage: number;
  };
  readonly ok: boolean;
}

/** Tells what happens, one line a step. */
export type Narrate = (line: string) => void;

interface PredictAnswer {
  predict: Errors & {
    prediction: {
      outputs: { name: string; shape: number[]; data: string }[];
      receipt: { computeMs: number };
    } | null;
  };
}

/** Plays the story against a fresh server. Throws when a step is refused that should not be. */
export async function playStory(anonymous: Client, narrate: Narrate): Promise<StoryResult> {
  const publisher = await signUp(anonymous, 'Ada', 'ada-labs');
  const consumer = await signUp(anonymous, 'Grace', 'grace-apps');
  narrate('Two tenants sign up: ada-labs, who trains models, and grace-apps, who needs one.');

  const digitsId = await createModel(publisher, {
    name: 'digits',
    summary: 'Reads one handwritten digit from a 28×28 picture.',
    task: 'image-classification',
    tags: ['digits', 'vision'],
    licence: 'Apache-2.0',
    visibility: 'PUBLIC',
    publicAccess: 'VIEW',
  });
  const weak = await publish(
    publisher,
    digitsId,
    'ada-labs/digits',
    await readDigitsModel('digits-weak.h5'),
    narrate,
  );
  const trained = await publish(
    publisher,
    digitsId,
    'ada-labs/digits',
    await readDigitsModel('digits.h5'),
    narrate,
  );
  const evaluation = await measureVersions(publisher, [weak.id, trained.id]);
  for (const [index, version] of [weak, trained].entries()) {
    version.accuracy = evaluation.versions[index]?.accuracy ?? null;
  }
  const { rows: testRows, onlyA, onlyB, mcNemarPValue } = evaluation.comparison;
  narrate(
    `ada-labs evaluates both on ${testRows} held-out pictures: ${percent(weak.accuracy)} and ${percent(trained.accuracy)} are right.`,
  );
  narrate(
    `Row by row: only version 1 is right on ${onlyA}, only version 2 on ${onlyB} (McNemar p = ${mcNemarPValue.toPrecision(2)}).`,
  );
  const poseId = await createModel(publisher, {
    name: 'pose',
    summary: 'Finds 17 body points of one person.',
    task: 'pose-estimation',
    tags: ['vision'],
    visibility: 'PUBLIC',
  });
  const pose = await publish(publisher, poseId, 'ada-labs/pose', await readPoseModel(), narrate);

  const found = await consumer.run<{ models: { totalCount: number; nodes: { fullName: string }[] } }>(
    operations.SEARCH,
    { search: 'handwritten dig' },
  );
  narrate(
    `grace-apps searches for “handwritten dig” and finds ${found.models.nodes[0]?.fullName ?? 'nothing'}.`,
  );
  const firstDigit = await readDigit(0);
  const refused = await predictDigit(consumer, 'ada-labs/digits', firstDigit);
  narrate(`It tries to run it: ${refused.predict.errors[0]?.code ?? 'it was allowed?!'}.`);
  succeeded(
    (
      await publisher.run<{ grantAccess: Errors }>(operations.GRANT, {
        input: { modelId: digitsId, granteeSlug: 'grace-apps', rights: ['PREDICT'] },
      })
    ).grantAccess,
  );
  const { createApiKey } = await consumer.run<{
    createApiKey: Errors & { secret: string; apiKey: { id: string } };
  }>(operations.CREATE_KEY, {
    input: {
      name: 'shop-floor',
      scopes: ['MODEL_READ', 'PREDICTION_RUN', 'USAGE_READ'],
      predictionsPerMonth: KEY_LIMIT,
    },
  });
  const application = anonymous.as(succeeded(createApiKey).secret);
  narrate(
    `ada-labs grants PREDICT; grace-apps makes an API key limited to ${KEY_LIMIT} predictions a month.`,
  );

  const latencies: number[] = [];
  const expected = await readExpected();
  let maxAbsDiff = 0;
  let agreements = 0;
  for (const version of [weak, trained]) {
    for (const index of expected.labels.keys()) {
      const picture = await readDigit(index);
      const startedAt = performance.now();
      const probabilities = floats(
        await predictDigit(application, `ada-labs/digits:${version.version}`, picture),
      );
      latencies.push(performance.now() - startedAt);
      if (version === trained) {
        const fromPython = expected.probabilities[index] ?? [];
        if (argMax(probabilities) === argMax(fromPython)) agreements += 1;
        for (const [digit, probability] of probabilities.entries()) {
          maxAbsDiff = Math.max(maxAbsDiff, Math.abs(probability - (fromPython[digit] ?? Infinity)));
        }
      }
    }
  }

  const points = floats(
    await application.run<PredictAnswer>(operations.PREDICT, {
      input: {
        target: { model: 'ada-labs/pose' },
        inputs: [{ shape: [1, POSE_SIDE, POSE_SIDE, 3], data: await readFigure() }],
        outputEncoding: 'BASE64',
      },
    }),
  );
  const confidences = points.filter((_, index) => index % 3 === 2);
  const meanConfidence = confidences.reduce((sum, value) => sum + value, 0) / confidences.length;
  narrate(
    `The pose model finds ${confidences.length} body points in a picture (mean confidence ${meanConfidence.toFixed(2)}).`,
  );

  let answered = latencies.length + 1;
  let refusal: UserError | undefined;
  while (refusal === undefined && answered <= KEY_LIMIT + 1) {
    const reply = await predictDigit(application, 'ada-labs/digits', firstDigit);
    refusal = reply.predict.errors[0];
    if (refusal === undefined) answered += 1;
  }
  narrate(
    `It goes on until prediction ${answered + 1}: ${refusal?.code ?? 'never refused?!'}, resets at ${refusal?.resetsAt ?? '?'}.`,
  );

  const accounts = await readAccounts(application, createApiKey.apiKey.id);
  narrate(
    `Answered ${answered}, quota ${accounts.used}, usage ${accounts.usage}, ledger ${accounts.ledger}.`,
  );
  latencies.sort((a, b) => a - b);
  const ok =
    found.models.nodes[0]?.fullName === 'ada-labs/digits' &&
    refused.predict.errors[0]?.code === 'NOT_ENTITLED' &&
    refusal?.code === 'QUOTA_EXCEEDED' &&
    refusal.resetsAt !== undefined &&
    agreements === expected.labels.length &&
    maxAbsDiff <= TOLERANCE &&
    [accounts.used, accounts.usage, accounts.ledger, answered].every((count) => count === KEY_LIMIT);
  return {
    runtime: await preferredRuntime(anonymous),
    versions: [weak, trained, pose].map(({ id: _id, ...version }) => version),
    evaluation,
    maxAbsDiff,
    pose: { keypoints: confidences.length, meanConfidence },
    latencyMs: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
    quota: {
      limit: KEY_LIMIT,
      used: accounts.used,
      refused: refusal === undefined ? 0 : 1,
      resetsAt: refusal?.resetsAt ?? null,
      ledger: accounts.ledger,
      usage: accounts.usage,
    },
    ok,
  };
}

async function signUp(anonymous: Client, name: string, tenantSlug: string): Promise<Client> {
  const { signUp: payload } = await anonymous.run<{ signUp: Errors & { session: { accessToken: string } } }>(
    operations.SIGN_UP,
    {
      input: {
        name,
        tenantSlug,
        email: `${name.toLowerCase()}@${tenantSlug}.example`,
        password: `correct horse ${tenantSlug}`,
      },
    },
  );
  return anonymous.as(succeeded(payload).session.accessToken);
}

async function createModel(publisher: Client, input: object): Promise<string> {
  const { createModel: payload } = await publisher.run<{ createModel: Errors & { model: { id: string } } }>(
    operations.CREATE_MODEL,
    { input },
  );
  return succeeded(payload).model.id;
}

async function publish(
  publisher: Client,
  modelId: string,
  model: string,
  bytes: Uint8Array,
  narrate: Narrate,
): Promise<PublishedVersion & { readonly id: string }> {
  const upload = await publisher.upload(bytes);
  const { publishVersion: payload } = await publisher.run<{
    publishVersion: Errors & {
      version: { id: string; number: number; format: string; sha256: string; runtime: string };
    };
  }>(operations.PUBLISH, { input: { modelId, uploadId: upload.id, waitMs: 120_000 } });
  const { version } = succeeded(payload);
  const runtime = spell(version.runtime);
  narrate(`ada-labs publishes ${model} version ${version.number} (${version.format}, served by ${runtime}).`);
  return {
    id: version.id,
    model,
    version: version.number,
    format: version.format,
    sha256: version.sha256,
    runtime,
    accuracy: null,
  };
}

function predictDigit(client: Client, model: string, data: string): Promise<PredictAnswer> {
  return client.run<PredictAnswer>(operations.PREDICT, {
    input: {
      target: { model },
      inputs: [{ shape: [1, DIGIT_SIDE, DIGIT_SIDE, 1], data }],
      outputEncoding: 'BASE64',
    },
  });
}

/** The elements of the first output, which must be FP32. */
function floats(answer: PredictAnswer): number[] {
  const output = succeeded(answer.predict).prediction?.outputs[0];
  if (output === undefined) throw new Error('The prediction has no output.');
  const bytes = Buffer.from(output.data, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

/** What the three accounts say about the key: its quota, the usage report, and the ledger itself. */
async function readAccounts(application: Client, apiKeyId: string) {
  const { quota, usage } = await application.run<{
    quota: { subject: string; used: number }[];
    usage: { total: { predictions: number } };
  }>(operations.ACCOUNTS, { apiKeyId });
  let ledger = 0;
  for (let after: string | null = null, more = true; more;) {
    const {
      predictions,
    }: { predictions: { nodes: unknown[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } =
      await application.run(operations.LEDGER, { after });
    ledger += predictions.nodes.length;
    more = predictions.pageInfo.hasNextPage;
    after = predictions.pageInfo.endCursor;
  }
  return {
    used: quota.find((one) => one.subject === 'API_KEY')?.used ?? -1,
    usage: usage.total.predictions,
    ledger,
  };
}

/** The engine that the server prefers; a version may be served by another that was faster for it. */
async function preferredRuntime(anonymous: Client): Promise<string> {
  const { serverInfo } = await anonymous.run<{
    serverInfo: { runtimes: { runtime: string; available: boolean }[] };
  }>(operations.SERVER);
  return spell(serverInfo.runtimes.find((one) => one.available)?.runtime ?? 'none');
}

/** As the command line spells engines: `TFJS_NODE` is `tfjs-node`. */
function spell(runtime: string): string {
  return runtime.toLowerCase().replace('_', '-');
}

function percent(share: number | null): string {
  return share === null ? '–' : `${(share * 100).toFixed(1)} %`;
}

function argMax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

import { succeeded } from "./client.js";
import {
  POSE_SIDE,
  DIGIT_SIDE,
  readDigit,
  readDigitsModel,
  readExpected,
  readFigure,
  readPoseModel
} from "./material.js";
import * as operations from "./operations.js";
const KEY_LIMIT = 100;
const TOLERANCE = 5e-3;
async function playStory(anonymous, narrate) {
  const publisher = await signUp(anonymous, "Ada", "ada-labs");
  const consumer = await signUp(anonymous, "Grace", "grace-apps");
  narrate("Two tenants sign up: ada-labs, who trains models, and grace-apps, who needs one.");
  const digitsId = await createModel(publisher, {
    name: "digits",
    summary: "Reads one handwritten digit from a 28\xD728 picture.",
    task: "image-classification",
    tags: ["digits", "vision"],
    licence: "Apache-2.0",
    visibility: "PUBLIC",
    publicAccess: "VIEW"
  });
  const weak = await publish(
    publisher,
    digitsId,
    "ada-labs/digits",
    await readDigitsModel("digits-weak.h5"),
    narrate
  );
  const trained = await publish(
    publisher,
    digitsId,
    "ada-labs/digits",
    await readDigitsModel("digits.h5"),
    narrate
  );
  const poseId = await createModel(publisher, {
    name: "pose",
    summary: "Finds 17 body points of one person.",
    task: "pose-estimation",
    tags: ["vision"],
    visibility: "PUBLIC"
  });
  const pose = await publish(publisher, poseId, "ada-labs/pose", await readPoseModel(), narrate);
  const found = await consumer.run(
    operations.SEARCH,
    { search: "handwritten dig" }
  );
  narrate(
    `grace-apps searches for \u201Chandwritten dig\u201D and finds ${found.models.nodes[0]?.fullName ?? "nothing"}.`
  );
  const firstDigit = await readDigit(0);
  const refused = await predictDigit(consumer, "ada-labs/digits", firstDigit);
  narrate(`It tries to run it: ${refused.predict.errors[0]?.code ?? "it was allowed?!"}.`);
  succeeded(
    (await publisher.run(operations.GRANT, {
      input: { modelId: digitsId, granteeSlug: "grace-apps", rights: ["PREDICT"] }
    })).grantAccess
  );
  const { createApiKey } = await consumer.run(operations.CREATE_KEY, {
    input: {
      name: "shop-floor",
      scopes: ["MODEL_READ", "PREDICTION_RUN", "USAGE_READ"],
      predictionsPerMonth: KEY_LIMIT
    }
  });
  const application = anonymous.as(succeeded(createApiKey).secret);
  narrate(
    `ada-labs grants PREDICT; grace-apps makes an API key limited to ${KEY_LIMIT} predictions a month.`
  );
  const latencies = [];
  const expected = await readExpected();
  let maxAbsDiff = 0;
  let agreements = 0;
  for (const version of [weak, trained]) {
    let right = 0;
    for (const [index, label] of expected.labels.entries()) {
      const picture = await readDigit(index);
      const startedAt = performance.now();
      const probabilities = floats(
        await predictDigit(application, `ada-labs/digits:${version.version}`, picture)
      );
      latencies.push(performance.now() - startedAt);
      if (argMax(probabilities) === label) right += 1;
      if (version === trained) {
        const fromPython = expected.probabilities[index] ?? [];
        if (argMax(probabilities) === argMax(fromPython)) agreements += 1;
        for (const [digit, probability] of probabilities.entries()) {
          maxAbsDiff = Math.max(maxAbsDiff, Math.abs(probability - (fromPython[digit] ?? Infinity)));
        }
      }
    }
    version.accuracy = right / expected.labels.length;
    narrate(`Version ${version.version} reads ${right} of ${expected.labels.length} test images right.`);
  }
  const points = floats(
    await application.run(operations.PREDICT, {
      input: {
        target: { model: "ada-labs/pose" },
        inputs: [{ shape: [1, POSE_SIDE, POSE_SIDE, 3], data: await readFigure() }],
        outputEncoding: "BASE64"
      }
    })
  );
  const confidences = points.filter((_, index) => index % 3 === 2);
  const meanConfidence = confidences.reduce((sum, value) => sum + value, 0) / confidences.length;
  narrate(
    `The pose model finds ${confidences.length} body points in a picture (mean confidence ${meanConfidence.toFixed(2)}).`
  );
  let answered = latencies.length + 1;
  let refusal;
  while (refusal === void 0 && answered <= KEY_LIMIT + 1) {
    const reply = await predictDigit(application, "ada-labs/digits", firstDigit);
    refusal = reply.predict.errors[0];
    if (refusal === void 0) answered += 1;
  }
  narrate(
    `It goes on until prediction ${answered + 1}: ${refusal?.code ?? "never refused?!"}, resets at ${refusal?.resetsAt ?? "?"}.`
  );
  const accounts = await readAccounts(application, createApiKey.apiKey.id);
  narrate(
    `Answered ${answered}, quota ${accounts.used}, usage ${accounts.usage}, ledger ${accounts.ledger}.`
  );
  latencies.sort((a, b) => a - b);
  const ok = found.models.nodes[0]?.fullName === "ada-labs/digits" && refused.predict.errors[0]?.code === "NOT_ENTITLED" && refusal?.code === "QUOTA_EXCEEDED" && refusal.resetsAt !== void 0 && agreements === expected.labels.length && maxAbsDiff <= TOLERANCE && [accounts.used, accounts.usage, accounts.ledger, answered].every((count) => count === KEY_LIMIT);
  return {
    runtime: await preferredRuntime(anonymous),
    versions: [weak, trained, pose],
    maxAbsDiff,
    pose: { keypoints: confidences.length, meanConfidence },
    latencyMs: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
    quota: {
      limit: KEY_LIMIT,
      used: accounts.used,
      refused: refusal === void 0 ? 0 : 1,
      resetsAt: refusal?.resetsAt ?? null,
      ledger: accounts.ledger,
      usage: accounts.usage
    },
    ok
  };
}
async function signUp(anonymous, name, tenantSlug) {
  const { signUp: payload } = await anonymous.run(
    operations.SIGN_UP,
    {
      input: {
        name,
        tenantSlug,
        email: `${name.toLowerCase()}@${tenantSlug}.example`,
        password: `correct horse ${tenantSlug}`
      }
    }
  );
  return anonymous.as(succeeded(payload).session.accessToken);
}
async function createModel(publisher, input) {
  const { createModel: payload } = await publisher.run(
    operations.CREATE_MODEL,
    { input }
  );
  return succeeded(payload).model.id;
}
async function publish(publisher, modelId, model, bytes, narrate) {
  const upload = await publisher.upload(bytes);
  const { publishVersion: payload } = await publisher.run(operations.PUBLISH, { input: { modelId, uploadId: upload.id, waitMs: 12e4 } });
  const { version } = succeeded(payload);
  const runtime = spell(version.runtime);
  narrate(`ada-labs publishes ${model} version ${version.number} (${version.format}, served by ${runtime}).`);
  return {
    model,
    version: version.number,
    format: version.format,
    sha256: version.sha256,
    runtime,
    accuracy: null
  };
}
function predictDigit(client, model, data) {
  return client.run(operations.PREDICT, {
    input: {
      target: { model },
      inputs: [{ shape: [1, DIGIT_SIDE, DIGIT_SIDE, 1], data }],
      outputEncoding: "BASE64"
    }
  });
}
function floats(answer) {
  const output = succeeded(answer.predict).prediction?.outputs[0];
  if (output === void 0) throw new Error("The prediction has no output.");
  const bytes = Buffer.from(output.data, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}
async function readAccounts(application, apiKeyId) {
  const { quota, usage } = await application.run(operations.ACCOUNTS, { apiKeyId });
  let ledger = 0;
  for (let after = null, more = true; more; ) {
    const {
      predictions
    } = await application.run(operations.LEDGER, { after });
    ledger += predictions.nodes.length;
    more = predictions.pageInfo.hasNextPage;
    after = predictions.pageInfo.endCursor;
  }
  return {
    used: quota.find((one) => one.subject === "API_KEY")?.used ?? -1,
    usage: usage.total.predictions,
    ledger
  };
}
async function preferredRuntime(anonymous) {
  const { serverInfo } = await anonymous.run(operations.SERVER);
  return spell(serverInfo.runtimes.find((one) => one.available)?.runtime ?? "none");
}
function spell(runtime) {
  return runtime.toLowerCase().replace("_", "-");
}
function argMax(values) {
  return values.indexOf(Math.max(...values));
}
function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
export {
  KEY_LIMIT,
  playStory
};
//# sourceMappingURL=story.js.map

/** Evaluations as a data scientist meets them: over HTTP, against a real server, killed in the middle. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ask, fixture, newTenant, newVersion, put, succeed } from '../support/api.js';
import { digitsZip } from '../support/datasets.js';
import { startServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';

const EVALUATION = `evaluation { id status rows rowsDone charged progress datasetName
  plan { reading labels batchRows } failure { code message }
  report { rows accuracy loss computeMs classification { confusionMatrix otherPredictions } examples { row label predicted } } }`;

interface Evaluation {
  readonly id: string;
  readonly status: string;
  readonly rows: number;
  readonly rowsDone: number;
  readonly charged: number;
  readonly progress: number;
  readonly plan: { readonly reading: string; readonly labels: readonly string[] };
  readonly failure: { readonly code: string } | null;
  readonly report: {
    readonly rows: number;
    readonly accuracy: number;
    readonly loss: number;
    readonly classification: { readonly confusionMatrix: readonly (readonly number[])[] };
    readonly examples: readonly object[];
  } | null;
}

// A server is killed and starts again, on a machine that does something else as well.
vi.setConfig({ testTimeout: 120_000 });

let server: TestServer;
let credential: string;
let slug: string;
const versions: string[] = [];
let datasetId: string;

beforeAll(async () => {
  server = await startServer({ INFERENCE_RUNTIMES: 'tfjs-wasm,onnx', INFERENCE_WORKERS: '1' });
  ({ token: credential, slug } = await newTenant(server.url));
  const { model } = (await succeed(server.url, credential, 'createModel', 'model { id }', {
    name: 'digits',
  })) as never as { model: { id: string } };
  for (const name of ['digits/digits-weak.h5', 'digits/digits.h5']) {
    const upload = await put(server.url, credential, await fixture(name));
    const { version } = (await succeed(server.url, credential, 'publishVersion', 'version { id }', {
      modelId: model.id,
      uploadId: upload.id,
      waitMs: 120_000,
    })) as never as { version: { id: string } };
    versions.push(version.id);
  }
  const upload = await put(server.url, credential, await digitsZip());
  const made = (await succeed(
    server.url,
    credential,
    'createDataset',
    'dataset { id rows columns { name datatype shape } classes { label count } sha256 }',
    { name: 'held-out digits', uploadId: upload.id },
  )) as never as { dataset: { id: string; rows: number; classes: { label: string; count: number }[] } };
  expect(made.dataset).toMatchObject({ rows: 40, columns: [{ datatype: 'UINT8', shape: [28, 28, 1] }] });
  expect(made.dataset.classes.reduce((sum, { count }) => sum + count, 0)).toBe(40);
  datasetId = made.dataset.id;
}, 120_000);
afterAll(() => server.stop());

async function evaluate(versionId: string, more: object = {}): Promise<Evaluation> {
  const { evaluation } = (await succeed(server.url, credential, 'evaluateVersion', EVALUATION, {
    versionId,
    datasetId,
    scale: 1 / 255,
    ...more,
  })) as never as { evaluation: Evaluation };
  return evaluation;
}

async function read(id: string): Promise<Evaluation> {
  const answer = await ask(
    server.url,
    credential,
    `query ($id: ID!) { evaluation(id: $id) { ${EVALUATION.slice(13, -2)} } }`,
    { id },
  );
  if (answer.errors.length > 0) throw new Error(answer.text);
  return answer.data?.['evaluation'] as Evaluation;
}

async function used(): Promise<number> {
  const answer = await ask(server.url, credential, '{ usage { total { predictions rows } } }');
  return (answer.data as never as { usage: { total: { predictions: number } } }).usage.total.predictions;
}

describe('the two versions of the digits', () => {
  const done: Evaluation[] = [];

  it('get the accuracies that are known of them: 0.625 and 0.95', async () => {
    for (const [index, accuracy] of [0.625, 0.95].entries()) {
      const evaluation = await evaluate(versions[index] ?? '', { waitMs: 60_000 });
      expect(evaluation).toMatchObject({ status: 'SUCCEEDED', rowsDone: 40, progress: 1, charged: 1 });
      expect(evaluation.plan).toMatchObject({ reading: 'ARGMAX', labels: [...'0123456789'] });
      expect(evaluation.report).toMatchObject({ rows: 40, accuracy });
      const matrix = evaluation.report?.classification.confusionMatrix ?? [];
      expect(matrix.flat().reduce((sum, count) => sum + count, 0)).toBe(40);
      expect(evaluation.report?.examples).toHaveLength(
        40 - 40 * accuracy > 20 ? 20 : Math.round(40 - 40 * accuracy),
      );
      done.push(evaluation);
    }
    expect(await used()).toBe(2);
  });

  it('are compared on the same rows', async () => {
    const answer = await ask(
      server.url,
      credential,
      `query ($a: ID!, $b: ID!) { compareEvaluations(a: $a, b: $b) { rows figures { figure a b difference }
         agreement { bothRight onlyA onlyB neither mcNemarPValue } changedRows { row label a b } } }`,
      { a: done[0]?.id, b: done[1]?.id },
    );
    const { agreement, figures, changedRows } = (
      answer.data as never as {
        compareEvaluations: {
          agreement: Record<'bothRight' | 'onlyA' | 'onlyB' | 'neither' | 'mcNemarPValue', number>;
          figures: { figure: string; a: number; b: number; difference: number }[];
          changedRows: object[];
        };
      }
    ).compareEvaluations;
    expect(figures[0]).toMatchObject({ figure: 'accuracy', a: 0.625, b: 0.95 });
    expect(figures[0]?.difference).toBeCloseTo(0.325, 12);
    expect(agreement.bothRight + agreement.onlyA).toBe(25);
    expect(agreement.bothRight + agreement.onlyB).toBe(38);
    expect(agreement.bothRight + agreement.onlyA + agreement.onlyB + agreement.neither).toBe(40);
    expect(changedRows).toHaveLength(agreement.onlyA + agreement.onlyB);
    expect(agreement.mcNemarPValue).toBeLessThan(0.01);
  });
});

describe('a scikit-learn tree as ONNX-ML', () => {
  it('is read by its labels as by its probabilities, and agrees with Python on every row', async () => {
    const { inputs, outputs } = JSON.parse((await fixture('onnx/iris-tree.io.json')).toString()) as {
      inputs: { features: number[][] };
      outputs: Record<string, unknown[]>;
    };
    const [labelOutput, labels = []] =
      Object.entries(outputs).find(([, values]) => typeof values[0] === 'number') ?? [];
    const csv = inputs.features.map((row, index) => `${row.join()},${String(labels[index])}`);
    const upload = await put(server.url, credential, `w,x,y,z,species\n${csv.join('\n')}\n`);
    const { dataset } = (await succeed(server.url, credential, 'createDataset', 'dataset { id }', {
      name: 'iris',
      uploadId: upload.id,
      labelColumn: 'species',
    })) as never as { dataset: { id: string } };
    const { versionId } = await newVersion(server.url, credential, 'onnx/iris-tree.onnx');
    const scores = Object.keys(outputs).find((name) => name !== labelOutput);
    for (const [output, reading] of [
      [labelOutput, 'LABEL'],
      [scores, 'ARGMAX'],
    ]) {
      const evaluation = await evaluate(versionId, {
        datasetId: dataset.id,
        scale: 1,
        output,
        labels: ['0', '1', '2'],
        waitMs: 30_000,
      });
      expect(evaluation).toMatchObject({
        status: 'SUCCEEDED',
        plan: { reading },
        report: { rows: labels.length, accuracy: 1 },
      });
    }
  });
});

describe('a server that is killed in the middle', () => {
  it('goes on after its restart behind what was done, and charges no row twice', async () => {
    const before = await used();
    // One row a chunk, so that there is a middle.
    const begun = await evaluate(versions[1] ?? '', { batchRows: 1 });
    let rowsDone = 0;
    await until(async () => (rowsDone = (await read(begun.id)).rowsDone) >= 3, { timeoutMs: 30_000 });
    await server.end('SIGKILL');
    expect(rowsDone).toBeLessThan(40);
    server = await startServer(
      { INFERENCE_RUNTIMES: 'tfjs-wasm,onnx', INFERENCE_WORKERS: '1' },
      { dataDirectory: server.dataDirectory },
    );
    await until(async () => (await read(begun.id)).status === 'SUCCEEDED', { timeoutMs: 60_000 });
    expect(await read(begun.id)).toMatchObject({ rowsDone: 40, charged: 40, report: { accuracy: 0.95 } });
    expect((await used()) - before).toBe(40);
  });
});

describe('an allowance that ends in the middle', () => {
  it('fails the evaluation with the reason, keeps what was done, and lets it go on later', async () => {
    const before = await used();
    const bootstrap = JSON.parse(readFileSync(`${server.dataDirectory}/bootstrap.json`, 'utf8')) as Record<
      string,
      string
    >;
    const { session } = (await succeed(server.url, null, 'signIn', 'session { accessToken }', {
      email: bootstrap['email'],
      password: bootstrap['password'],
    })) as never as { session: { accessToken: string } };
    const setQuota = (predictionsPerMonth: number | null) =>
      succeed(server.url, session.accessToken, 'setTenantQuota', 'quota { limit }', {
        tenantSlug: slug,
        predictionsPerMonth,
      });
    await setQuota(before + 3);
    const failed = await evaluate(versions[0] ?? '', { batchRows: 10, waitMs: 60_000 });
    expect(failed).toMatchObject({
      status: 'FAILED',
      rowsDone: 30,
      charged: 3,
      failure: { code: 'QUOTA_EXCEEDED' },
      report: { rows: 30 },
    });
    await setQuota(null);
    await succeed(server.url, credential, 'resumeEvaluation', 'evaluation { id status }', {
      evaluationId: failed.id,
    });
    await until(async () => (await read(failed.id)).status === 'SUCCEEDED', { timeoutMs: 30_000 });
    expect(await read(failed.id)).toMatchObject({
      charged: 4,
      failure: null,
      report: { rows: 40, accuracy: 0.625 },
    });
    expect((await used()) - before).toBe(4);
  });
});

describe('datasets', () => {
  it('are listed with their tenant, and gone with their bytes when they are deleted', async () => {
    const listed = await ask(
      server.url,
      credential,
      '{ viewer { tenant { datasets { nodes { id name format sha256 } } } } }',
    );
    const tenant = (
      listed.data as never as {
        viewer: { tenant: { datasets: { nodes: { id: string; sha256: string }[] } } };
      }
    ).viewer.tenant;
    expect(tenant.datasets.nodes).toMatchObject([
      { name: 'iris', format: 'CSV' },
      { id: datasetId, name: 'held-out digits', format: 'IMAGES' },
    ]);
    const digest = tenant.datasets.nodes[1]?.sha256 ?? 'none';
    const isStored = async () => (await server.artifactFiles()).some((file) => file.endsWith(digest));
    expect(await isStored()).toBe(true);
    await succeed(server.url, credential, 'deleteDataset', 'deletedDatasetId', { datasetId });
    expect(await isStored()).toBe(false);
    const answer = await ask(
      server.url,
      credential,
      'query ($filter: EvaluationFilter) { evaluations(filter: $filter) { nodes { dataset { id } datasetName report { accuracy } } } }',
      { filter: { datasetId } },
    );
    const { nodes } = (answer.data as never as { evaluations: { nodes: object[] } }).evaluations;
    expect(nodes).toHaveLength(4);
    for (const node of nodes) expect(node).toMatchObject({ dataset: null, datasetName: 'held-out digits' });
  });
});

/** The child process: whatever happens to it, the caller gets an answer, and nothing is left running. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createImporter, type ImportProgress, type ImportWalls } from '../../../src/importers/index.js';
import { runChild } from '../../../src/importers/child-process.js';
import { editedKeras, fixture, graphZip, humanZip, SMALL_GRAPH_WEIGHTS } from '../../support/archives.js';
import { importBytes, refusalOf, reportOf } from '../../support/importing.js';
import { until } from '../../support/until.js';

const importer = createImporter({ maxConcurrentImports: 1, maxQueuedImports: 1 });
afterAll(() => importer.stop());

const NO_WALLS: ImportWalls = {
  filesHidden: false,
  processesHidden: false,
  networkCutOff: false,
  environmentHidden: true,
  privilegesDropped: false,
};

/** Process ids of imports that this process has started and that are still there. */
function runningImports(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter((pid) => pid !== '' && commandOf(pid).includes('importers/child/main.js'))
    .map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has just exited.
    return '';
  }
}

/** A model that its trial cannot finish: two million steps of a recurrent layer. */
const endless = (): Promise<Buffer> =>
  editedKeras('layers/lstm-backwards.keras', (config) => {
    config.config.layers[0].config.batch_shape = [null, 2_000_000, 3];
  });

/** A model whose output takes 1.6 GB for one row. */
const hungry = (): Promise<Buffer> =>
  editedKeras('keras/dense.keras', (config) => {
    config.config.layers.push({ class_name: 'RepeatVector', config: { name: 'repeat', n: 40_000_000 } });
  });

describe('an import', () => {
  it('reports progress in order, from reading to trying', async () => {
    const seen: ImportProgress[] = [];
    reportOf(
      await importBytes(importer, fixture('keras/dense.h5'), {
        onProgress: (progress) => seen.push(progress),
      }),
    );
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual([
      'READING',
      'CHECKING',
      'CONVERTING',
      'TRYING',
    ]);
    const fractions = seen.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  });

  it('is refused when no engine can run the model, with the reason of each', async () => {
    const bytes = graphZip((model) => {
      model.modelTopology.node[3].input = ['w', 'x'];
    });
    const refusal = refusalOf(await importBytes(importer, bytes, { runtimes: ['tfjs-node', 'tfjs-wasm'] }));
    expect(refusal.code).toBe('TRIAL_FAILED');
    expect(refusal.message).toMatch(/tfjs-node: .*tfjs-wasm: /);
  });

  it('ends at its deadline, in a native call too', async () => {
    const started = performance.now();
    const imported = await importBytes(importer, await endless(), {
      runtimes: ['tfjs-node'],
      timeoutMs: 3000,
    });
    expect(refusalOf(imported).code).toBe('IMPORT_TIMED_OUT');
    expect(performance.now() - started).toBeLessThan(6000);
    expect(runningImports()).toEqual([]);
  });

  it('ends at its memory limit', async () => {
    const imported = await importBytes(importer, await hungry(), {
      runtimes: ['tfjs-node'],
      maxMemoryBytes: 600 << 20,
    });
    expect(refusalOf(imported).code).toBe('IMPORT_OUT_OF_MEMORY');
    expect(runningImports()).toEqual([]);
  });

  it('never hands out memory that WebAssembly does not have', async () => {
    // 2^39 floats: tfjs would take what is left of the size beyond 32 bits, and read out the heap as its output.
    const bytes = graphZip(
      (model) => {
        model.modelTopology.node.push(
          { name: 'times', op: 'Const', attr: { dtype: { type: 'DT_INT32' } } },
          { name: 'big', op: 'Tile', input: ['y', 'times'], attr: { T: { type: 'DT_FLOAT' } } },
        );
        model.weightsManifest[0].weights.push({ name: 'times', shape: [2], dtype: 'int32' });
      },
      Buffer.concat([SMALL_GRAPH_WEIGHTS, Buffer.from(Int32Array.of(2 ** 20, 2 ** 18).buffer)]),
    );
    const refusal = refusalOf(await importBytes(importer, bytes, { runtimes: ['tfjs-wasm'] }));
    expect(refusal).toMatchObject({ code: 'TRIAL_FAILED' });
    expect(refusal.message).toContain('no memory for a tensor of 2199023255552 bytes');
  });

  it('ends when its caller goes away', async () => {
    const gone = new AbortController();
    const imported = await importBytes(importer, await endless(), {
      signal: gone.signal,
      onProgress: ({ phase }) => {
        if (phase === 'TRYING') gone.abort();
      },
    });
    expect(refusalOf(imported).code).toBe('IMPORT_CANCELLED');
    expect(runningImports()).toEqual([]);
  });

  it('survives the death of its child', async () => {
    const running = importBytes(importer, await endless());
    await until(() => runningImports().length === 1, { timeoutMs: 10_000 });
    for (const pid of runningImports()) process.kill(pid, 'SIGKILL');
    expect(refusalOf(await running).code).toBe('IMPORT_CRASHED');
  });

  it('waits for its turn, and is refused when too many wait', async () => {
    const stoppable = createImporter({ maxConcurrentImports: 1, maxQueuedImports: 1 });
    const [first, second, third] = [endless, endless, endless].map(async (make) =>
      importBytes(stoppable, await make()),
    );
    const refusals = Promise.all(
      [first, second, third].map(async (one) => refusalOf((await one) as never).code),
    );
    await until(() => runningImports().length === 1, { timeoutMs: 10_000 });
    await stoppable.stop();
    expect((await refusals).sort()).toEqual(['IMPORT_CANCELLED', 'IMPORT_CANCELLED', 'IMPORT_QUEUE_FULL']);
    expect(runningImports()).toEqual([]);
  });
});

describe('a child that was taken over', () => {
  /** Runs a script in the child's place: what stands before the command is all that changes. */
  async function answerOf(script: string): Promise<string> {
    const directory = mkdtempSync(join(tmpdir(), 'souk-evil-'));
    try {
      const path = join(directory, 'evil.mjs');
      writeFileSync(path, script);
      const result = await runChild(
        {
          artifactPath: path,
          workDirectory: directory,
          runtimes: ['tfjs-wasm'],
          timeoutMs: 5000,
          maxMemoryBytes: 2 ** 31,
        },
        {
          walls: NO_WALLS,
          enclose: (job) => ({ ...job, command: [process.execPath, path] }),
        },
        () => undefined,
        new AbortController().signal,
      );
      return result.ok ? 'ok' : result.error.code;
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  it.each([
    [
      'sends nonsense',
      `process.send({ type: 'done', report: { format: 'EVIL' } }); setInterval(() => 0, 1000);`,
      'IMPORT_CRASHED',
    ],
    ['says nothing and leaves', `process.exit(0);`, 'IMPORT_CRASHED'],
    ['aborts', `process.abort();`, 'IMPORT_CRASHED'],
    ['says nothing and stays', `setInterval(() => 0, 1000);`, 'IMPORT_TIMED_OUT'],
    [
      'never stops talking',
      `const talk = () => { for (let i = 0; i < 1000; i++) process.send({ type: 'progress', phase: 'READING', fraction: 0 }); setTimeout(talk, 1); }; talk();`,
      'IMPORT_CRASHED',
    ],
    [
      'claims a pack that is not there',
      `process.send({ type: 'done', report: { format: 'KERAS_H5', producer: null, signature: { inputs: [], outputs: [] }, runtime: 'tfjs-wasm', trials: [], parameterCount: 0, weightBytes: 0, operations: [], notes: [] } });`,
      'IMPORT_CRASHED',
    ],
    [
      'leaves a link as its pack',
      `import fs from 'node:fs'; fs.symlinkSync('/etc/passwd', 'model.pack'); process.send({ type: 'done', report: { format: 'KERAS_H5', producer: null, signature: { inputs: [], outputs: [] }, runtime: 'tfjs-wasm', trials: [], parameterCount: 0, weightBytes: 0, operations: [], notes: [] } });`,
      'IMPORT_CRASHED',
    ],
  ])('and %s is a refusal', async (_what, script, code) => {
    expect(await answerOf(script)).toBe(code);
  });
});

describe('TFJS graph models', () => {
  it.each(['liveness', 'emotion', 'blazeface', 'movenet-lightning', 'handtrack'])(
    'the public model %s imports and runs',
    async (name) => {
      const report = reportOf(await importBytes(importer, humanZip(name), { runtimes: ['tfjs-node'] }));
      expect(report.format).toBe('TFJS_GRAPH');
      expect(report.trials).toMatchObject([{ ok: true }]);
      expect(
        report.signature.outputs.every((output) => output.shape.every((dimension) => dimension !== 0)),
      ).toBe(true);
      expect(report.operations.length).toBeGreaterThan(3);
    },
  );

  it('without a signature takes its placeholders and its leaves', async () => {
    const report = reportOf(await importBytes(importer, graphZip()));
    expect(report.signature).toEqual({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    });
  });

  it('that mix the rows of a batch are fixed to one row, so that tenants never share a run', async () => {
    const bytes = graphZip(
      (model) => {
        const float = { type: 'DT_FLOAT' };
        model.modelTopology.node.push(
          { name: 'axis', op: 'Const', attr: { dtype: { type: 'DT_INT32' } } },
          { name: 'mean', op: 'Mean', input: ['y', 'axis'], attr: { keep_dims: { b: true }, T: float } },
          { name: 'centred', op: 'Sub', input: ['y', 'mean'], attr: { T: float } },
        );
        model.weightsManifest[0].weights.push({ name: 'axis', shape: [1], dtype: 'int32' });
      },
      new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 0.5, -0.5, 0).buffer),
    );
    const report = reportOf(await importBytes(importer, bytes));
    expect(report.signature.inputs[0]?.shape).toEqual([1, 3]);
    expect(report.notes.join()).toContain('mixes the rows');
  });
});

/**
 * What a program that took over the import's child could do: it runs in the child's place, behind the same walls.
 * Where the kernel allows no namespaces, what is claimed of the walls must be no more than what stands.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findJail } from '../../../src/importers/jail.js';
import { until } from '../../support/until.js';

const jail = await findJail();
const directory = mkdtempSync(join(tmpdir(), 'souk-jail-test-'));
const workDirectory = join(directory, 'job');
const artifactPath = join(directory, 'artifact');
const secretPath = join(directory, 'bootstrap.json');
mkdirSync(workDirectory);
writeFileSync(artifactPath, 'the model', { mode: 0o600 });
writeFileSync(secretPath, 'the secret');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function start(script: string, ...args: string[]) {
  const { command } = jail.enclose({ workDirectory, artifactPath }, [
    process.execPath,
    '-e',
    `const fs = require('node:fs');
     const attempt = (act) => { try { return act() ?? 'done'; } catch (error) { return error.code ?? error.message; } };
     (async () => { ${script} })();`,
    ...args,
  ]);
  return spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
}

/** What the script found out. */
async function inside(script: string, ...args: string[]): Promise<unknown> {
  const child = start(`console.log(JSON.stringify(await (async () => { ${script} })()));`, ...args);
  let said = '';
  child.stdout?.on('data', (chunk) => (said += String(chunk)));
  await once(child, 'close');
  return JSON.parse(said);
}

if (jail.walls.filesHidden) describe('a program in the place of the import', insideTheWalls);
else it('where no root can be made anew, claims no wall that it takes', withoutWalls);

async function withoutWalls(): Promise<void> {
  expect(jail.walls).toMatchObject({ processesHidden: false, privilegesDropped: false });
  const found = await inside(
    `const [artifact, ppid] = process.argv.slice(1);
     return [
       fs.readFileSync(artifact, 'utf8'),
       fs.existsSync('/proc/' + ppid),
       Object.keys(require('node:os').networkInterfaces()).length === 0,
     ];`,
    artifactPath,
    String(process.pid),
  );
  expect(found).toEqual(['the model', true, jail.walls.networkCutOff]);
}

function insideTheWalls(): void {
  it('sees its artifact and its own directory, and no other file of ours', async () => {
    const found = await inside(
      `const [secret, repository, canary] = process.argv.slice(1);
       return {
         artifact: fs.readFileSync('/artifact', 'utf8'),
         job: fs.readdirSync('/job'),
         root: fs.readdirSync('/').sort(),
         secret: attempt(() => fs.readFileSync(secret, 'utf8')),
         password: attempt(() => fs.readFileSync('/etc/passwd', 'utf8')),
         repository: attempt(() => fs.readdirSync(repository).sort()),
         home: attempt(() => fs.readdirSync('/root').filter((name) => name !== '.cache')),
         back: attempt(() => fs.readFileSync('/proc/self/root/outside' + canary, 'utf8')),
       };`,
      secretPath,
      join(import.meta.dirname, '../../..'),
      secretPath,
    );
    expect(found).toMatchObject({
      artifact: 'the model',
      job: [],
      secret: 'ENOENT',
      password: 'ENOENT',
      repository: ['dist', 'node_modules', 'package.json'],
      back: 'ENOENT',
    });
  });

  it('can write to its own directory only, and can run nothing from there', async () => {
    const script = `fs.writeFileSync('/job/program', '#!/usr/bin/node\\n', { mode: 0o755 });
      const write = (path) => attempt(() => { fs.writeFileSync(path, 'x'); });
      return [
        ...['/elsewhere', '/artifact', '/usr/lib/x', '/proc/self/oom_score_adj', process.argv[1] + '/dist/x'].map(write),
        attempt(() => { fs.chmodSync('/artifact', 0o777); }),
        require('node:child_process').spawnSync('/job/program').error?.code,
        write('/job/result'),
      ];`;
    const found = (await inside(script, join(import.meta.dirname, '../../..'))) as string[];
    expect(found.at(-1)).toBe('done');
    expect(found.slice(0, 3)).toEqual(['EROFS', 'EROFS', 'EROFS']);
    expect(found.slice(4, 7)).toEqual(['EROFS', 'EROFS', 'EACCES']);
    expect(readFileSync(artifactPath, 'utf8')).toBe('the model');
    expect(existsSync(join(workDirectory, 'result'))).toBe(true);
  });

  it('sees no other process, and can signal none', async () => {
    const pid = String(process.pid);
    const found = await inside(
      `const processes = fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
       return [process.pid, processes, attempt(() => { process.kill(Number(process.argv[1]), 0); })];`,
      pid,
    );
    expect(found).toEqual([1, ['1'], 'ESRCH']);
  });

  it('has no network, not even to this machine', async () => {
    let connections = 0;
    const server = createServer(() => connections++).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const found = await inside(
        `const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1');
         const failed = await new Promise((resolve) => {
           socket.on('connect', () => resolve('connected'));
           socket.on('error', (error) => resolve(error.code));
         });
         return [failed, Object.keys(require('node:os').networkInterfaces())];`,
        String((server.address() as AddressInfo).port),
      );
      expect(found).toEqual(['ENETUNREACH', []]);
      expect(connections).toBe(0);
    } finally {
      server.close();
    }
  });

  it('has no privilege, no environment, and finds no tool to make its walls anew', async () => {
    const found = await inside(
      `const status = fs.readFileSync('/proc/self/status', 'utf8');
       const field = (name) => new RegExp('^' + name + ':\\\\s+(\\\\S+)', 'm').exec(status)[1];
       const tool = (path) => require('node:child_process').spawnSync(path, ['--help']).error?.code ?? 'found';
       return [
         ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb'].map((name) => Number(field(name))),
         field('NoNewPrivs'),
         Object.keys(process.env).filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)),
         ['/usr/bin/mount', '/usr/bin/unshare', '/bin/sh'].map(tool),
       ];`,
    );
    expect(found).toEqual([[0, 0, 0, 0], '1', [], ['ENOENT', 'ENOENT', 'ENOENT']]);
  });

  it('ends with the process that was started, whatever it does', async () => {
    const child = start(`fs.writeFileSync('/job/alive', ''); for (;;);`);
    const alive = join(workDirectory, 'alive');
    await until(() => existsSync(alive), { timeoutMs: 10_000 });
    const busy = () => descendants(child.pid ?? 0);
    const started = busy();
    expect(started.length).toBeGreaterThan(0);
    child.kill('SIGKILL');
    await until(() => started.every((pid) => !existsSync(`/proc/${pid}`)), { timeoutMs: 5000 });
  });
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.flatMap((child) => [Number(child), ...descendants(Number(child))]);
}

import { resolve } from 'node:path';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig, VARIABLE_NAMES } from '../../src/config.js';

const SECRET = 's'.repeat(32);
const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
const examples = [...example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => ({
  name,
  value,
}));

describe('readConfig', () => {
  it('has defaults for everything', () => {
    const result = readConfig({}, 4);
    expect(result.ok && result.config).toMatchObject({
      port: 4000,
      host: '127.0.0.1',
      dataDirectory: resolve('.data'),
      databaseUrl: null,
      jwtSecret: null,
      signUp: 'open',
      inference: { workers: 3, runtimes: ['tfjs-graph', 'tfjs-node', 'tfjs-wasm', 'onnx'] },
    });
    expect(result.ok && Object.isFrozen(result.config) && Object.isFrozen(result.config.inference)).toBe(
      true,
    );
  });

  it('reports every problem at once, by name, and never the value', () => {
    const result = readConfig({
      PORT: '70000',
      DATABASE_URL: 'mysql://secret@db',
      JWT_SECRET: 'too-short',
      LOG_LEVEL: 'loud',
      INFERENCE_RUNTIMES: 'tfjs-node,torch',
      MAX_UPLOAD_BYTES: '2 GB',
      TRUST_PROXY: 'yes',
    });
    expect(!result.ok && result.problems.map((line) => line.split(' ')[0]).sort()).toEqual([
      'DATABASE_URL',
      'INFERENCE_RUNTIMES',
      'JWT_SECRET',
      'LOG_LEVEL',
      'MAX_UPLOAD_BYTES',
      'PORT',
      'TRUST_PROXY',
    ]);
    expect(JSON.stringify(result)).not.toMatch(/secret@|too-short|70000/);
  });

  it('requires a secret of 32 bytes with a database of its own, together with other problems', () => {
    const result = readConfig({ DATABASE_URL: 'postgres://db/souk', PORT: 'x' });
    expect(!result.ok && result.problems).toHaveLength(2);
    expect(readConfig({ DATABASE_URL: 'postgres://db/souk', JWT_SECRET: SECRET }).ok).toBe(true);
    expect(readConfig({ JWT_SECRET: 'é'.repeat(16) }).ok).toBe(true);
    expect(readConfig({ JWT_SECRET: 's'.repeat(31) }).ok).toBe(false);
  });

  it('shares the cores out among the workers, unless the operator says how many threads each has', () => {
    const threads = (environment: Record<string, string>, cores: number) => {
      const result = readConfig(environment, cores);
      return result.ok ? result.config.inference.threadsPerWorker : result.problems;
    };
    expect(threads({}, 2)).toBe(1);
    expect(threads({ INFERENCE_WORKERS: '1' }, 2)).toBe(2);
    expect(threads({ INFERENCE_WORKERS: '3' }, 16)).toBe(5);
    expect(threads({ INFERENCE_THREADS: '4' }, 2)).toBe(4);
  });

  it('knows two kinds of isolation', () => {
    const isolation = (value: string) => {
      const result = readConfig({ INFERENCE_ISOLATION: value });
      return result.ok ? result.config.inference.isolation : result.problems;
    };
    expect(isolation('process')).toBe('process');
    expect(isolation('')).toBe('thread');
    expect(isolation('container')).toEqual(['INFERENCE_ISOLATION must be thread or process.']);
  });

  it('treats an empty variable as absent', () => {
    const result = readConfig({ PORT: '', DATABASE_URL: '', JWT_SECRET: '' });
    expect(result.ok && result.config.port).toBe(4000);
  });

  it('refuses a default time limit above the greatest one that a request may ask for', () => {
    expect(readConfig({ PREDICT_TIMEOUT_MS: '300001' }).ok).toBe(false);
    expect(readConfig({ PREDICT_TIMEOUT_MS: '300000' }).ok).toBe(true);
  });

  it('agrees with .env.example about names and defaults', () => {
    expect(examples.map(({ name }) => name).sort()).toEqual([...VARIABLE_NAMES].sort());
    const withoutDefault = ['DATABASE_URL', 'JWT_SECRET'];
    const defaults = examples.filter(({ name }) => !withoutDefault.includes(name));
    expect(readConfig(Object.fromEntries(defaults.map(({ name, value }) => [name, value])))).toEqual(
      readConfig({}),
    );
  });
});

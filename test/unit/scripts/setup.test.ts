import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const scripts = fileURLToPath(new URL('../../../scripts', import.meta.url));
const files = readdirSync(join(scripts, 'setup')).filter((name) => name.endsWith('.mjs'));

describe('set-up', () => {
  it.each(['setup.mjs', ...files.map((name) => join('setup', name))])(
    '%s imports nothing that set-up itself must install',
    (name) => {
      const source = readFileSync(join(scripts, name), 'utf8');
      const imports = [...source.matchAll(/from '([^']+)'/g)].map(([, module = '']) => module);
      expect(imports.length).toBeGreaterThan(0);
      expect(imports.filter((module) => !module.startsWith('node:') && !module.startsWith('.'))).toEqual([]);
    },
  );
});

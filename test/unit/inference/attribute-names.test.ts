import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ATTRIBUTE_NAMES } from '../../../src/inference/worker/runtimes/attribute-names.js';

it('knows every attribute that a kernel of tfjs-node names', () => {
  const package_ = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/package.json');
  const dist = join(dirname(package_), 'dist');
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.js') && !file.endsWith('_test.js') && !file.includes('proto'),
  );
  const found = files.flatMap((file) => {
    const text = readFileSync(join(dist, file), 'utf8');
    const named = [...text.matchAll(/\bname: '([A-Za-z_]+)'|OpAttr\)?\(\s*'([A-Za-z_]+)'/g)];
    return named.map(([, byField, byCall]) => byField ?? byCall);
  });

  expect(found.length).toBeGreaterThan(100);
  expect([...new Set(found)].filter((name) => !ATTRIBUTE_NAMES.includes(name as string))).toEqual([]);
});

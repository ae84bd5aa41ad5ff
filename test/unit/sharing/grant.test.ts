import { expect, it } from 'vitest';
import { canonicalRights } from '../../../src/domain/sharing/index.js';

it('writes each right once, in one order', () => {
  expect(canonicalRights(['DOWNLOAD', 'VIEW', 'DOWNLOAD', 'VIEW'])).toEqual(['VIEW', 'DOWNLOAD']);
  expect(canonicalRights([])).toEqual([]);
});

/** What a tenant stores and may store, and files that are not sent again: until there are too many. */
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Client } from './client.js';

/** Files that a tenant may have waiting. */
const MOST = 100;
const AGAIN = `mutation ($input: CreateUploadFromDigestInput!) {
  createUploadFromDigest(input: $input) { errors { code } } }`;

/** @param token of a tenant without uploads, whose slug is `tenantSlug` */
export async function meetUploads(
  client: Client,
  operator: string,
  token: string,
  tenantSlug: string,
): Promise<void> {
  const bytes = randomBytes(1_000);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const unknown = await client.refused('createUploadFromDigest', token, { sha256 });
  expect(unknown).toMatchObject([{ code: 'NOT_FOUND', path: ['sha256'] }]);

  await client.upload(token, bytes);
  const { upload } = await client.done('createUploadFromDigest', token, { sha256 });
  expect(upload).toMatchObject({ sha256, bytes: 1_000 });
  const more = Array.from({ length: MOST - 2 }, () => client.ask(token, AGAIN, { input: { sha256 } }));
  await Promise.all(more);
  const tooMany = await client.refused('createUploadFromDigest', token, { sha256 });
  expect(tooMany).toMatchObject([{ code: 'TOO_MANY_UPLOADS', path: null }]);

  // A hundred uploads of one file are stored once.
  const { storage } = await client.done('setTenantStorage', operator, { tenantSlug, limitBytes: 5_000 });
  expect(storage).toMatchObject({ usedBytes: 1_000, limitBytes: 5_000 });
  const denied = await client.refused('setTenantStorage', token, { tenantSlug });
  expect(denied).toMatchObject([{ code: 'PERMISSION_DENIED', permission: 'PLATFORM_OPERATE' }]);
}

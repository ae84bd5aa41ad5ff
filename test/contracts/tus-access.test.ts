/** Who may go on with an upload, and one at a time: two servers on one database and one disk. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { openUploadDoor, type UploadDoor } from '../support/upload-door.js';

const PIECE = { 'content-type': 'application/offset+octet-stream' };

let door: UploadDoor;
beforeAll(async () => {
  door = await openUploadDoor({ maxUploadBytes: 2_000_000 });
});
afterAll(() => door.stop());
beforeEach(() => door.newTenant());

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function created(length: number): Promise<string> {
  const response = await door.send('POST', '/uploads', { 'upload-length': String(length) });
  expect(response.status).toBe(201);
  return response.headers.get('location') ?? '';
}

const patch = (url: string, offset: number, body: Uint8Array) =>
  door.send('PATCH', url, { ...PIECE, 'upload-offset': String(offset) }, body);

const offsetOf = async (url: string) => Number((await door.send('HEAD', url)).headers.get('upload-offset'));

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

describe('who may', () => {
  it('shows an upload of another tenant as one that does not exist, to every method', async () => {
    const url = await created(10);
    await door.newTenant();
    const unknown = '/uploads/upl_00000000000000000000000000';
    for (const method of ['HEAD', 'PATCH', 'DELETE', 'GET']) {
      const ask = (path: string) =>
        door.send(
          method,
          path,
          { ...PIECE, 'upload-offset': '0' },
          method === 'PATCH' ? randomBytes(1) : undefined,
        );
      const [theirs, none] = [await ask(url), await ask(unknown)];
      expect([theirs.status, await theirs.text()]).toEqual([404, await none.text()]);
    }
  });

  it('refuses whoever has no credential by 401, and who may not publish by 403', async () => {
    const url = await created(10);
    for (const [credential, status] of [
      [null, 401],
      ['reader', 403],
    ] as const) {
      const as = { credential };
      expect((await door.send('POST', '/uploads', { 'upload-length': '1' }, undefined, as)).status).toBe(
        status,
      );
      for (const method of ['HEAD', 'PATCH', 'DELETE']) {
        const headers = { ...PIECE, 'upload-offset': '0' };
        expect((await door.send(method, url, headers, undefined, as)).status).toBe(status);
      }
      const joined = await door.send('POST', '/uploads', { 'upload-concat': `final;${url}` }, undefined, as);
      expect(joined.status).toBe(status);
    }
    expect(await offsetOf(url)).toBe(0);
  });

  it('cuts a piece whose credential ends while it arrives, and keeps what came before', async () => {
    const url = await created(1_000_000);
    const slow = door.sendSlowly(url, 1_000_000, randomBytes(5_000));
    await until(async () => (await door.setting.partials.ids()).length === 1);
    door.revoke();
    expect(await slow.answer).toMatch(/^HTTP\/1.1 401 /);
    door.readmit();
    expect(await offsetOf(url)).toBe(5_000);
  });
});

describe('one writer at a time', () => {
  it('locks the upload while a piece arrives; whoever asks for the offset of a silent one gets it', async () => {
    const bytes = randomBytes(1_000);
    const url = await created(1_000);
    const half = door.sendSlowly(url, 1_000, bytes.subarray(0, 400));
    await until(async () => {
      const locked = await door.setting.db.asOwner('SELECT 1 FROM transfers WHERE lock_token IS NOT NULL');
      return locked.length > 0;
    });
    expect((await patch(url, 0, bytes)).status).toBe(423);
    const other = await door.send('PATCH', url, { ...PIECE, 'upload-offset': '0' }, bytes, { server: 1 });
    expect([other.status, await codeOf(other)]).toEqual([423, 'LOCKED']);
    // By the other server, as after a load balancer.
    const head = await door.send('HEAD', url, {}, undefined, { server: 1 });
    expect(head.headers.get('upload-offset')).toBe('400');
    const rest = await door.send('PATCH', url, { ...PIECE, 'upload-offset': '400' }, bytes.subarray(400), {
      server: 1,
    });
    expect(rest.status).toBe(204);
    expect(rest.headers.get('repr-digest')).toContain(Buffer.from(sha256(bytes), 'hex').toString('base64'));
    half.cut();
  });

  it('gives the lock of a dead process free', async () => {
    const url = await created(4);
    await door.setting.db.asOwner(
      "UPDATE transfers SET lock_token = 'dead', lock_expires_at = clock_timestamp() + interval '300 ms'",
    );
    expect((await patch(url, 0, randomBytes(4))).status).toBe(423);
    await until(async () => (await patch(url, 0, randomBytes(4))).status === 204);
  });

  it('takes one of many first pieces that come at once', async () => {
    const url = await created(50_000);
    const pieces = Array.from({ length: 8 }, () => randomBytes(50_000));
    const statuses = await Promise.all(
      pieces.map(async (piece, index) => {
        const at = { server: index % 2 };
        return (await door.send('PATCH', url, { ...PIECE, 'upload-offset': '0' }, piece, at)).status;
      }),
    );
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(statuses.filter((status) => ![204, 409, 423].includes(status))).toEqual([]);
    const { upload } = (await (await door.send('GET', url)).json()) as { upload: { sha256: string } };
    expect(pieces.map(sha256)).toContain(upload.sha256);
  });

  it('forgets a piece with a checksum that its process did not live to check', async () => {
    const bytes = randomBytes(100);
    const url = await created(100);
    const id = url.slice('/uploads/'.length);
    await patch(url, 0, bytes.subarray(0, 40));
    // What a process leaves that is killed in the middle of the piece.
    await door.setting.db.asOwner('UPDATE transfers SET checked_bytes = 40 WHERE id = $1', [id]);
    await door.setting.partials.append(id, 40, new Blob([randomBytes(30)]).stream(), { maxBytes: 60 });
    expect(await offsetOf(url)).toBe(40);
    const last = await patch(url, 40, bytes.subarray(40));
    expect(last.headers.get('repr-digest')).toContain(Buffer.from(sha256(bytes), 'hex').toString('base64'));
  });
});

/** The text of tus 1.0 (https://tus.io/protocols/resumable-upload), statement by statement, against the real route. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openUploadDoor, type UploadDoor } from '../support/upload-door.js';

const MAX_BYTES = 2_000_000;
const PIECE = { 'content-type': 'application/offset+octet-stream' };

let door: UploadDoor;
beforeAll(async () => {
  door = await openUploadDoor({ maxUploadBytes: MAX_BYTES });
});
afterAll(() => door.stop());
beforeEach(() => door.newTenant());

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const base64 = (text: string) => Buffer.from(text).toString('base64');

const create = (headers: Record<string, string>, body?: Uint8Array) =>
  door.send('POST', '/uploads', headers, body);

async function created(length: number, headers: Record<string, string> = {}): Promise<string> {
  const response = await create({ 'upload-length': String(length), ...headers });
  expect(response.status).toBe(201);
  return response.headers.get('location') ?? '';
}

const patch = (url: string, offset: number, body: Uint8Array, headers: Record<string, string> = {}) =>
  door.send('PATCH', url, { ...PIECE, 'upload-offset': String(offset), ...headers }, body);

const offsetOf = async (url: string) => Number((await door.send('HEAD', url)).headers.get('upload-offset'));

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

describe('the core protocol', () => {
  it('takes a file in pieces, tells the offset between them, and makes an upload of it at the end', async () => {
    const bytes = randomBytes(100_000);
    const url = await created(bytes.length);
    expect(url).toMatch(/^\/uploads\/upl_[0-9a-z]{26}$/);
    expect(await offsetOf(url)).toBe(0);

    const first = await patch(url, 0, bytes.subarray(0, 40_000));
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '40000']);
    const between = await door.send('HEAD', url);
    expect(between.status).toBe(200);
    expect(Object.fromEntries(between.headers)).toMatchObject({
      'cache-control': 'no-store',
      'tus-resumable': '1.0.0',
      'upload-offset': '40000',
      'upload-length': '100000',
      'upload-expires': expect.stringMatching(/ GMT$/) as string,
    });
    expect(between.headers.get('souk-upload-id')).toBeNull();

    const last = await patch(url, 40_000, bytes.subarray(40_000));
    const id = url.slice('/uploads/'.length);
    const reprDigest = `sha-256=:${Buffer.from(sha256(bytes), 'hex').toString('base64')}:`;
    expect(last.status).toBe(204);
    expect(Object.fromEntries(last.headers)).toMatchObject({
      'upload-offset': '100000',
      'souk-upload-id': id,
      'repr-digest': reprDigest,
    });
    expect(Object.fromEntries((await door.send('HEAD', url)).headers)).toMatchObject({
      'upload-offset': '100000',
      'souk-upload-id': id,
      'repr-digest': reprDigest,
    });
    expect(await (await door.send('GET', url)).json()).toEqual({
      upload: {
        id,
        isComplete: true,
        offset: 100_000,
        bytes: 100_000,
        sha256: sha256(bytes),
        expiresAt: expect.any(String) as string,
      },
    });
    expect(await door.service.getUpload(door.actor(), id)).toMatchObject({
      digest: sha256(bytes),
      bytes: 100_000,
    });
    expect(await door.setting.partials.ids()).toEqual([]);
  });

  it.each([
    ['HEAD', 'missing', ''],
    ['PATCH', 'missing', ''],
    ['DELETE', 'missing', ''],
    ['PATCH', 'another version', '0.2.2'],
    ['POST', 'another version', '2.0.0'],
  ])(
    'refuses %s with Tus-Resumable %s by 412, and names the version that it speaks',
    async (method, _what, version) => {
      const url = await created(10);
      const response = await door.send(method, method === 'POST' ? '/uploads' : url, {
        ...PIECE,
        'upload-offset': '0',
        'tus-resumable': version,
      });
      expect([response.status, response.headers.get('tus-version')]).toEqual([412, '1.0.0']);
      expect(await offsetOf(url)).toBe(0);
    },
  );

  it('refuses a creation in the words of tus without Tus-Resumable', async () => {
    expect((await create({ 'upload-length': '10', 'tus-resumable': '' })).status).toBe(412);
  });

  it('refuses a piece at another offset by 409 and leaves the upload as it is', async () => {
    const url = await created(10);
    await patch(url, 0, randomBytes(4));
    for (const wrong of [0, 3, 5, 10]) {
      const response = await patch(url, wrong, randomBytes(2));
      expect([response.status, await codeOf(response)]).toEqual([409, 'CONFLICT']);
    }
    expect(await offsetOf(url)).toBe(4);
  });

  it('refuses a piece of another content type by 415, and one without an offset or with a strange one by 400', async () => {
    const url = await created(10);
    const send = (headers: Record<string, string>) => door.send('PATCH', url, headers, randomBytes(1));
    expect((await send({ 'upload-offset': '0', 'content-type': 'application/json' })).status).toBe(415);
    expect((await send(PIECE)).status).toBe(400);
    for (const offset of ['-1', '1.5', 'x', '0x0', '1e1', '99999999999999999999', ' ']) {
      expect((await send({ ...PIECE, 'upload-offset': offset })).status, offset).toBe(400);
    }
    expect(await offsetOf(url)).toBe(0);
  });

  it('refuses more bytes than the length that was announced by 413', async () => {
    const url = await created(10);
    expect((await patch(url, 0, randomBytes(11))).status).toBe(413);
    expect(await offsetOf(url)).toBe(0);
    const unannounced = await door.send(
      'PATCH',
      url,
      { ...PIECE, 'upload-offset': '0' },
      new Blob([randomBytes(11)]).stream(),
    );
    expect(unannounced.status).toBe(413);
    expect(await offsetOf(url)).toBeLessThanOrEqual(10);
  });

  it('answers nothing at the end to an empty piece, and takes no byte behind it', async () => {
    const bytes = randomBytes(10);
    const url = await created(10);
    await patch(url, 0, bytes);
    const empty = await patch(url, 10, new Uint8Array());
    expect([empty.status, empty.headers.get('upload-offset')]).toEqual([204, '10']);
    expect((await patch(url, 10, randomBytes(1))).status).toBe(413);
    expect((await patch(url, 0, bytes)).status).toBe(409);
  });

  it('knows no upload that is not there by 404', async () => {
    const unknown = '/uploads/upl_00000000000000000000000000';
    for (const url of [
      unknown,
      '/uploads/x',
      '/uploads/..%2f..%2fetc%2fpasswd',
      '/uploads/%00',
      '/uploads/constructor',
    ]) {
      expect((await door.send('HEAD', url)).status, url).toBe(404);
      expect((await patch(url, 0, randomBytes(1))).status, url).toBe(404);
      expect((await door.send('DELETE', url)).status, url).toBe(404);
      expect((await door.send('GET', url)).status, url).toBe(404);
    }
  });

  it('says in OPTIONS what it can, to everybody', async () => {
    for (const path of ['/uploads', '/uploads/upl_x']) {
      const response = await fetch(door.url + path, { method: 'OPTIONS' });
      expect(response.status).toBe(204);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'tus-resumable': '1.0.0',
        'tus-version': '1.0.0',
        'tus-max-size': String(MAX_BYTES),
        'tus-extension':
          'creation,creation-with-upload,creation-defer-length,checksum,expiration,termination,concatenation',
        'tus-checksum-algorithm': 'sha1,sha256,md5',
      });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('does what X-HTTP-Method-Override says, and nothing else of that kind', async () => {
    const url = await created(4);
    const piece = await door.send(
      'POST',
      url,
      { ...PIECE, 'upload-offset': '0', 'x-http-method-override': 'PATCH' },
      randomBytes(4),
    );
    expect([piece.status, piece.headers.get('upload-offset')]).toEqual([204, '4']);
    expect((await door.send('POST', url, { 'x-http-method-override': 'TRACE' })).status).toBe(405);
    expect((await door.send('POST', url)).status).toBe(405);
  });
});

describe('creation', () => {
  it.each([
    ['no length', {}],
    ['a negative length', { 'upload-length': '-1' }],
    ['a length that is no number', { 'upload-length': 'ten' }],
    ['a length beyond exact numbers', { 'upload-length': '9007199254740993' }],
    ['an empty file', { 'upload-length': '0' }],
    ['a length and none at once', { 'upload-length': '1', 'upload-defer-length': '1' }],
    ['a wrong deferral', { 'upload-defer-length': '2' }],
    ['metadata that is no base64', { 'upload-length': '1', 'upload-metadata': 'name a?b' }],
    ['a key twice', { 'upload-length': '1', 'upload-metadata': 'a YQ==,a YQ==' }],
    ['metadata without end', { 'upload-length': '1', 'upload-metadata': `a ${'A'.repeat(8_000)}` }],
    ['a digest that is none', { 'upload-length': '1', 'upload-metadata': `sha256 ${base64('abc')}` }],
  ])('refuses %s by 400', async (_what, headers) => {
    const before = await door.setting.everything();
    const response = await create({ 'tus-resumable': '1.0.0', ...headers });
    expect(response.status).toBe(400);
    expect(await door.setting.everything()).toEqual(before);
  });

  it('refuses more than the server takes by 413, before a byte', async () => {
    const response = await create({ 'upload-length': String(MAX_BYTES + 1) });
    expect([response.status, await codeOf(response)]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  });

  it('gives metadata back as it came, byte for byte, and makes no path of it', async () => {
    const metadata = `filename ${base64('../../etc/passwd')},bin ${Buffer.from([0, 255, 13, 10]).toString('base64')},flag`;
    const url = await created(1, { 'upload-metadata': metadata });
    expect((await door.send('HEAD', url)).headers.get('upload-metadata')).toBe(metadata);
    await patch(url, 0, randomBytes(1));
    expect((await door.send('HEAD', url)).headers.get('upload-metadata')).toBe(metadata);
  });

  it('takes the first bytes with the creation', async () => {
    const bytes = randomBytes(1_000);
    const part = await create({ ...PIECE, 'upload-length': '1000' }, bytes.subarray(0, 600));
    expect([part.status, part.headers.get('upload-offset')]).toEqual([201, '600']);
    const url = part.headers.get('location') ?? '';
    expect((await patch(url, 600, bytes.subarray(600))).headers.get('souk-upload-id')).not.toBeNull();

    const whole = await create({ ...PIECE, 'upload-length': '1000' }, bytes);
    expect([whole.status, whole.headers.get('upload-offset')]).toEqual([201, '1000']);
    expect(whole.headers.get('souk-upload-id')).toBe(
      whole.headers.get('location')?.slice('/uploads/'.length),
    );
  });

  it('takes a file whose length is said later, once', async () => {
    const bytes = randomBytes(500);
    const response = await create({ 'upload-defer-length': '1' });
    const url = response.headers.get('location') ?? '';
    const begun = await door.send('HEAD', url);
    expect([begun.headers.get('upload-defer-length'), begun.headers.get('upload-length')]).toEqual([
      '1',
      null,
    ]);
    await patch(url, 0, bytes.subarray(0, 200));
    expect((await patch(url, 200, new Uint8Array(), { 'upload-length': '100' })).status).toBe(400);
    expect((await patch(url, 200, new Uint8Array(), { 'upload-length': String(MAX_BYTES + 1) })).status).toBe(
      413,
    );
    expect((await patch(url, 200, bytes.subarray(200, 300), { 'upload-length': '500' })).status).toBe(204);
    expect((await door.send('HEAD', url)).headers.get('upload-length')).toBe('500');
    expect((await patch(url, 300, new Uint8Array(), { 'upload-length': '600' })).status).toBe(400);
    // Said again by a client whose request was cut: not a change.
    expect((await patch(url, 300, new Uint8Array(), { 'upload-length': '500' })).status).toBe(204);
    expect((await patch(url, 300, bytes.subarray(300))).headers.get('souk-upload-id')).not.toBeNull();
  });

  it('throws the file away when it is another one than its metadata announced', async () => {
    const bytes = randomBytes(100);
    const url = await created(100, { 'upload-metadata': `sha256 ${base64(sha256(randomBytes(9)))}` });
    const response = await patch(url, 0, bytes);
    expect([response.status, await codeOf(response)]).toEqual([422, 'DIGEST_MISMATCH']);
    expect((await door.send('HEAD', url)).status).toBe(404);
    const right = await created(100, { 'upload-metadata': `sha256 ${base64(sha256(bytes))}` });
    expect((await patch(right, 0, bytes)).status).toBe(204);
  });
});

describe('checksum', () => {
  it.each(['sha1', 'sha256', 'md5'])('checks each piece by %s', async (algorithm) => {
    const bytes = randomBytes(3_000);
    const url = await created(3_000);
    const checksum = (of: Uint8Array) => ({
      'upload-checksum': `${algorithm} ${createHash(algorithm).update(of).digest('base64')}`,
    });
    expect((await patch(url, 0, bytes.subarray(0, 1_000), checksum(bytes.subarray(0, 1_000)))).status).toBe(
      204,
    );
    const wrong = await patch(url, 1_000, bytes.subarray(1_000), checksum(bytes));
    expect([wrong.status, await codeOf(wrong)]).toEqual([460, 'CHECKSUM_MISMATCH']);
    expect(await offsetOf(url)).toBe(1_000);
    const right = await patch(url, 1_000, bytes.subarray(1_000), checksum(bytes.subarray(1_000)));
    expect(right.status).toBe(204);
    expect(right.headers.get('repr-digest')).toContain(Buffer.from(sha256(bytes), 'hex').toString('base64'));
  });

  it('refuses an algorithm that it does not know, and a digest that is none, by 400', async () => {
    const url = await created(10);
    for (const checksum of ['crc32 AAAA', 'sha1', 'sha1 AAAA', 'sha1  ', `sha1 ${'A'.repeat(28)} x`]) {
      expect((await patch(url, 0, randomBytes(1), { 'upload-checksum': checksum })).status, checksum).toBe(
        400,
      );
    }
    expect(await offsetOf(url)).toBe(0);
  });
});

describe('expiration and termination', () => {
  it('answers what has expired by 410, and by 404 after the sweep; nothing of it is left', async () => {
    const url = await created(10);
    await patch(url, 0, randomBytes(4));
    await door.setting.db.asOwner("UPDATE transfers SET expires_at = now() - interval '1 second'");
    expect((await door.send('HEAD', url)).status).toBe(410);
    expect((await patch(url, 4, randomBytes(1))).status).toBe(410);
    await door.service.sweepUploadsAcrossTenants();
    expect((await door.send('HEAD', url)).status).toBe(404);
    expect(await door.setting.partials.ids()).toEqual([]);
  });

  it('throws away by DELETE, unfinished or finished', async () => {
    const before = await door.setting.everything();
    const url = await created(10);
    await patch(url, 0, randomBytes(4));
    expect((await door.send('DELETE', url)).status).toBe(204);
    expect((await door.send('HEAD', url)).status).toBe(404);
    const finished = await created(10);
    await patch(finished, 0, randomBytes(10));
    expect((await door.send('DELETE', finished)).status).toBe(204);
    expect((await door.send('HEAD', finished)).status).toBe(404);
    expect(await door.setting.everything()).toEqual(before);
  });
});

describe('concatenation', () => {
  const part = (length: number) => created(length, { 'upload-concat': 'partial' });
  const join = (...urls: string[]) => create({ 'upload-concat': `final;${urls.join(' ')}` });

  it('makes one upload of parts that came side by side, and answers the same when it is asked again', async () => {
    const bytes = randomBytes(1_000);
    const [one, two] = [await part(400), await part(600)];
    await Promise.all([patch(one, 0, bytes.subarray(0, 400)), patch(two, 0, bytes.subarray(400))]);
    expect((await door.send('HEAD', one)).headers.get('upload-concat')).toBe('partial');
    const joined = await join(one, `${door.url}${two}`);
    expect(joined.status).toBe(201);
    const url = joined.headers.get('location') ?? '';
    expect(await (await door.send('GET', url)).json()).toMatchObject({
      upload: { sha256: sha256(bytes), bytes: 1_000 },
    });
    const looked = await door.send('HEAD', url);
    expect(looked.headers.get('upload-concat')).toBe(`final;${one} ${two}`);
    expect(looked.headers.get('upload-offset')).toBe('1000');
    expect((await patch(url, 1_000, new Uint8Array())).status).toBe(403);
    expect((await door.send('HEAD', one)).status).toBe(404);
    expect((await join(one, two)).headers.get('location')).toBe(url);
    expect(await door.setting.partials.ids()).toEqual([]);
  });

  it('joins nothing that is unfinished, whole, repeated, unknown or of somebody else', async () => {
    const [done, open, whole] = [await part(4), await part(4), await created(4)];
    await patch(done, 0, randomBytes(4));
    await patch(whole, 0, randomBytes(4));
    expect((await join(done, open)).status).toBe(409);
    expect((await join(done, whole)).status).toBe(404);
    expect((await join(done, done)).status).toBe(400);
    expect((await create({ 'upload-concat': `final;${done}`, 'upload-length': '4' })).status).toBe(400);
    const unknown = await join(done, '/uploads/upl_00000000000000000000000000');
    await door.newTenant();
    const foreign = await join(done);
    expect([unknown.status, foreign.status]).toEqual([404, 404]);
    expect(await foreign.text()).toBe(await unknown.text());
  });
});

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareDataDirectory, readOrMakeSecret, writeBootstrapFile } from '../../src/data-directory.js';
import { weaknessOfSecret } from '../../src/domain/identity/index.js';
import { StartError } from '../../src/start-error.js';

describe('the data directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'souk-data-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is made for this account only', async () => {
    const made = join(directory, 'a', 'b');
    await prepareDataDirectory(made);
    expect((await stat(made)).mode & 0o777).toBe(0o700);
    expect(await readdir(made)).toEqual([]);
  });

  it('that cannot be written is one sentence that names DATA_DIR', async () => {
    await writeFile(join(directory, 'file'), '');
    const attempt = prepareDataDirectory(join(directory, 'file', 'data'));
    await expect(attempt).rejects.toThrow(StartError);
    await expect(attempt).rejects.toThrow(/DATA_DIR/);
  });

  it('keeps one strong secret, readable by this account only, however many starts ask at once', async () => {
    const secrets = await Promise.all(Array.from({ length: 8 }, () => readOrMakeSecret(directory)));
    expect(new Set(secrets).size).toBe(1);
    expect(weaknessOfSecret(secrets[0] ?? '')).toBeNull();
    expect(await readOrMakeSecret(directory)).toBe(secrets[0]);
    const files = await readdir(directory);
    expect(files).toEqual(['jwt.secret']);
    expect((await stat(join(directory, 'jwt.secret'))).mode & 0o777).toBe(0o600);
  });

  it('keeps the first credentials, readable by this account only', async () => {
    const content = { url: 'http://x', email: 'a@b', password: 'p', tenant: 't', apiKey: 'k' };
    await writeBootstrapFile(directory, content);
    const file = join(directory, 'bootstrap.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(content);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

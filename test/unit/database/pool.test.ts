import { describe, expect, it } from 'vitest';
import { withStartOptions } from '../../../src/database/pool.js';

describe('withStartOptions', () => {
  it('leaves a plain URL as it is', () => {
    expect(withStartOptions('postgresql://u:p@h:1/d', ['role=r'])).toEqual({
      connectionString: 'postgresql://u:p@h:1/d',
      startOptions: '-c role=r',
    });
  });

  it('keeps other parameters and the options of the URL, and has the last word', () => {
    const { connectionString, startOptions } = withStartOptions(
      'postgresql://u@h/d?sslmode=verify-full&options=-c%20role%3Devil&sslrootcert=%2Fa%2Fb.pem',
      ['role=r', 'lock_timeout=5'],
    );
    expect(startOptions).toBe('-c role=evil -c role=r -c lock_timeout=5');
    expect(new URL(connectionString).searchParams.get('sslmode')).toBe('verify-full');
    expect(new URL(connectionString).searchParams.get('sslrootcert')).toBe('/a/b.pem');
    expect(connectionString).not.toContain('options');
  });
});

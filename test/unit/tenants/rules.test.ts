import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  permissionsOf,
  PERMISSIONS,
  ROLES,
  type Actor,
  type Permission,
  type Role,
} from '../../../src/domain/access/index.js';
import { mayGiveRole } from '../../../src/domain/tenants/may-give.js';
import { checkEmail, checkName, checkSlug, slugFrom } from '../../../src/domain/tenants/names.js';

const user: Actor = {
  kind: 'user',
  userId: 'usr_x',
  sessionId: 'ses_x',
  tenantId: 'ten_x',
  role: 'OWNER',
  permissions: new Set(),
  requestId: 'req_x',
};
const anyText = fc
  .array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 120 })
  .map((codes) => String.fromCodePoint(...codes));
const key = (permissions: Iterable<Permission>): Actor => ({
  kind: 'apiKey',
  apiKeyId: 'key_x',
  tenantId: 'ten_x',
  permissions: new Set(permissions),
  requestId: 'req_x',
});

describe('giving a role', () => {
  it('needs the role or a higher one, for every pair', () => {
    for (const own of ROLES) {
      for (const given of ROLES) {
        expect(mayGiveRole(user, own, given, false)).toBe(ROLES.indexOf(own) <= ROLES.indexOf(given));
      }
    }
  });

  it('is not possible for one who was removed a moment ago, whatever the request says', () => {
    for (const given of ROLES) expect(mayGiveRole(user, null, given, false)).toBe(false);
  });

  it('by a key never gives a permission that the key lacks, and never OWNER', () => {
    fc.assert(
      fc.property(
        fc.subarray([...PERMISSIONS]),
        fc.constantFrom<Role>(...ROLES),
        fc.boolean(),
        (scopes, role, op) => {
          if (!mayGiveRole(key(scopes), null, role, op)) return;
          expect(role).not.toBe('OWNER');
          for (const permission of permissionsOf(role, op)) expect(scopes).toContain(permission);
        },
      ),
    );
    expect(mayGiveRole(key(permissionsOf('ADMIN', false)), null, 'ADMIN', false)).toBe(true);
    expect(mayGiveRole(key(permissionsOf('ADMIN', false)), null, 'ADMIN', true)).toBe(false);
    expect(mayGiveRole(key(permissionsOf('OWNER', true)), null, 'OWNER', true)).toBe(false);
  });
});

describe('roles', () => {
  it('are nested, and only leading ones of the operator may operate the platform', () => {
    for (const isOperator of [false, true]) {
      ROLES.slice(1).forEach((lower, i) => {
        const higher = permissionsOf(ROLES[i] as Role, isOperator);
        for (const permission of permissionsOf(lower, isOperator)) expect(higher.has(permission)).toBe(true);
      });
    }
    for (const role of ROLES) {
      expect(permissionsOf(role, false).has('PLATFORM_OPERATE')).toBe(false);
      expect(permissionsOf(role, true).has('PLATFORM_OPERATE')).toBe(role === 'OWNER' || role === 'ADMIN');
    }
  });
});

describe('names', () => {
  it.each(['abc', 'a-b', 'a1-2b-c3', 'x'.repeat(40)])('%s is a slug', (slug) => {
    expect(checkSlug(slug, 'slug').ok).toBe(true);
  });

  it.each(['', 'ab', 'x'.repeat(41), 'Abc', '-abc', 'abc-', 'a--b', 'a_b', 'a.b', 'äbc', 'abc\n', '../x'])(
    '%j is no slug',
    (slug) => {
      expect(checkSlug(slug, 'slug')).toMatchObject({
        ok: false,
        error: { code: 'INVALID_INPUT', path: ['slug'] },
      });
    },
  );

  it('a slug can be made from any name', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        const slug = slugFrom(name);
        expect(checkSlug(slug, 'slug').ok).toBe(true);
        expect(checkSlug(`${slug}-abc123`, 'slug').ok).toBe(true);
      }),
    );
    expect(slugFrom('Ada Lovelace')).toBe('ada-lovelace');
    expect(slugFrom('Zoë Müller')).toBe('zoe-muller');
    expect(slugFrom('李')).toBe('tenant');
  });

  it.each([
    ['ada@example.org', 'ada@example.org'],
    [' Ada.L+x@Example.ORG ', 'ada.l+x@example.org'],
    ['owner@localhost', 'owner@localhost'],
  ])('%j is the address %s', (given, email) => {
    expect(checkEmail(given, 'email')).toEqual({ ok: true, value: email });
  });

  it.each([
    '',
    'ada',
    '@x.org',
    'ada@',
    'a b@x.org',
    'a@x..org',
    'a@-x.org',
    'ada@x.org\nbcc: all@x.org',
    'аda@x.org',
    `${'x'.repeat(65)}@x.org`,
    `a@${'x'.repeat(250)}.org`,
  ])('%j is no address', (given) => {
    expect(checkEmail(given, 'email').ok).toBe(false);
  });

  it('an address of a hostile length is refused quickly', () => {
    const start = performance.now();
    for (const text of [`${'a'.repeat(1e6)}@`, `a@${'a-'.repeat(5e5)}`, `a@${'a.'.repeat(5e5)}`]) {
      expect(checkEmail(text, 'email').ok).toBe(false);
    }
    expect(performance.now() - start).toBeLessThan(500);
  });

  it.each(['', '  ', 'x'.repeat(101), 'a\u0000b', 'a\nb', '\u202egnp.exe', 'a\u200bb', 'a\ud800'])(
    '%j is no name for people',
    (name) => {
      expect(checkName(name, 'name').ok).toBe(false);
    },
  );

  it('a name is trimmed and composed', () => {
    expect(checkName('  Zoe\u0308 & Søns, Ltd. 🎈 ', 'name')).toEqual({
      ok: true,
      value: 'Zoë & Søns, Ltd. 🎈',
    });
  });
});

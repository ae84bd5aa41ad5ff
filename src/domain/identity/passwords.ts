import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { refuse, ok, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from '../tenants/index.js';
import { passwordsBusy, type RateLimited } from './errors.js';
import { createGate, type GateLimits } from './gate.js';

// OWASP's parameters for argon2id: 19 MiB, two passes. About 15 to 60 ms each, on libuv's threads.
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;

/** Two at once, because libuv's four threads also read files; the wait is shorter than any client's patience. */
export const PASSWORD_LIMITS: GateLimits = Object.freeze({
  concurrency: 2,
  maxWaiting: 100,
  maxWaitMs: 5000,
});

const MIN_CHARACTERS = 10;
const MAX_CHARACTERS = 200;

export interface Passwords {
  hash(password: string): Promise<Result<string, RateLimited>>;
  /** Whether the password belongs to the hash. `null` for a hash costs the same and is never right. */
  verify(passwordHash: string | null, password: string): Promise<Result<boolean, RateLimited>>;
}

export function createPasswords(limits: GateLimits = PASSWORD_LIMITS): Passwords {
  const gate = createGate(limits);
  const nobody = hashOfNobody();
  return Object.freeze({
    async hash(password: string) {
      const options = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES };
      const done = await gate.run(() => hash(asBytes(password), options));
      return done === null ? refuse(passwordsBusy()) : ok(done.value);
    },
    async verify(passwordHash: string | null, password: string) {
      const done = await gate.run(() => verify(passwordHash ?? nobody, asBytes(password)));
      return done === null ? refuse(passwordsBusy()) : ok(done.value && passwordHash !== null);
    },
  });
}

/** 10 to 200 characters of any kind: the bound keeps hashing cheap to refuse, not passwords short. */
export function checkPassword(password: string, path: string): Result<string, InvalidInput> {
  const length = [...password].length;
  if (length < MIN_CHARACTERS || length > MAX_CHARACTERS) {
    // Not even the length of a password belongs into an answer.
    return refuse(
      invalidInput([path], `${path} must have ${MIN_CHARACTERS} to ${MAX_CHARACTERS} characters.`),
    );
  }
  return ok(password);
}

/** True when no stored password can have this length, so that nothing need be computed. */
export function isImpossiblePassword(password: string): boolean {
  return !checkPassword(password, 'password').ok;
}

// The same characters typed on two machines may be composed differently.
function asBytes(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'));
}

/** A hash with our parameters that no password has: checking it takes as long as checking a real one. */
function hashOfNobody(): string {
  const base64 = (bytes: number) => randomBytes(bytes).toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(16)}$${base64(32)}`;
}

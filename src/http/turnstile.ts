/**
 * Shares the main thread between callers while there is too little of it.
 *
 * One turn of the event loop handles every request that has arrived. With hundreds of connections of one caller that takes tens of
 * milliseconds, and all else has one chance a turn: what workers and database answer, and of new connections exactly
 * one is accepted (libuv does so since 1.45), so that a newcomer waited a turn for each connection before his. Here a
 * turn passes requests on for `TURN_MS` only. Whoever arrives later in it waits for the end of the turn, and then the
 * callers pass one after the other, a request each, however many each of them sends. While connections are being
 * opened, turns are shorter still.
 *
 * Nobody waits while the thread has time: the first request of a turn passes at once. And nobody waits where few connections
 * are open: there turns are short by themselves, and what is asked here for each request would cost some 5 % of the
 * predictions.
 */
import type { FastifyInstance } from 'fastify';

export interface TurnstileOptions {
  readonly now: () => number;
  /** Calls back at the end of this turn of the event loop, when what had arrived has been read. */
  readonly atEndOfTurn: (callback: () => void) => void;
  /** Calls back in the same turn, after the work of whoever has just passed. */
  readonly afterWork: (callback: () => void) => void;
}

/** As many requests as can arrive in a turn, while each waits for the answer to its last. */
const FEW_CONNECTIONS = 64;
const TURN_MS = 4;
/** While connections are being opened: about what accepting one and answering one request costs. */
const OPENING_TURN_MS = 0.5;
/** The turn in which a connection was accepted, and the next, which may bring another. */
const OPENING_TURNS = 2;
/** More pass at once, as if there were no turnstile: what waits holds memory. */
const MAX_WAITING = 4_096;

export class Turnstile {
  readonly #options: TurnstileOptions;
  /** By caller; the one who passed longest ago is first. */
  readonly #lines = new Map<string, (() => void)[]>();
  #waiting = 0;
  #connections = 0;
  /** Since when this turn passes requests on; `null` before its first. */
  #sinceMs: number | null = null;
  #openingTurns = 0;
  #isEndAskedFor = false;

  constructor(options: TurnstileOptions) {
    this.#options = options;
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Calls `pass`, now or in one of the next turns: exactly once. */
  enter(caller: string, pass: () => void): void {
    const mayPass = this.#waiting === 0 && (this.#connections <= FEW_CONNECTIONS || this.#hasTime());
    if (mayPass || this.#waiting >= MAX_WAITING) {
      pass();
      return;
    }
    const line = this.#lines.get(caller);
    if (line === undefined) this.#lines.set(caller, [pass]);
    else line.push(pass);
    this.#waiting += 1;
    this.#askForEnd();
  }

  /** A connection was accepted: others may wait for the next turn. */
  noteOpened(): void {
    this.#connections += 1;
    if (this.#connections <= FEW_CONNECTIONS) return;
    this.#openingTurns = OPENING_TURNS;
    this.#askForEnd();
  }

  noteClosed(): void {
    this.#connections -= 1;
  }

  #hasTime(): boolean {
    const nowMs = this.#options.now();
    this.#sinceMs ??= nowMs;
    this.#askForEnd();
    return nowMs - this.#sinceMs <= (this.#openingTurns > 0 ? OPENING_TURN_MS : TURN_MS);
  }

  #askForEnd(): void {
    if (this.#isEndAskedFor) return;
    this.#isEndAskedFor = true;
    this.#options.atEndOfTurn(() => {
      // At least one a turn, however long the turn has been: none waits for ever.
      this.#sinceMs = null;
      this.#passSome();
    });
  }

  #passSome(): void {
    if (this.#waiting === 0 || !this.#hasTime()) {
      this.#endTurn();
      return;
    }
    this.#passNext();
    this.#options.afterWork(() => {
      this.#passSome();
    });
  }

  #endTurn(): void {
    this.#isEndAskedFor = false;
    this.#sinceMs = null;
    if (this.#openingTurns > 0) this.#openingTurns -= 1;
    if (this.#waiting > 0) this.#askForEnd();
  }

  #passNext(): void {
    for (const [caller, line] of this.#lines) {
      const pass = line.shift();
      this.#lines.delete(caller);
      if (line.length > 0) this.#lines.set(caller, line);
      if (pass === undefined) continue;
      this.#waiting -= 1;
      pass();
      return;
    }
  }
}

/** Puts the turnstile before all routes. A caller is a credential as it was sent, or an address: nothing is known of either yet. */
export function registerTurnstile(app: FastifyInstance): void {
  const turnstile = new Turnstile({
    now: () => performance.now(),
    atEndOfTurn: (callback) => void setImmediate(callback),
    afterWork: afterTicksAndMicrotasks,
  });
  app.server.on('connection', (socket) => {
    turnstile.noteOpened();
    socket.once('close', () => {
      turnstile.noteClosed();
    });
  });
  app.addHook('onRequest', (request, _reply, done) => {
    turnstile.enter(request.headers.authorization ?? request.ip, done);
  });
}

/** What a request does at once are ticks (its body is read) and then microtasks (it is answered): a tick after these is late enough. */
function afterTicksAndMicrotasks(callback: () => void): void {
  process.nextTick(() => {
    queueMicrotask(() => {
      process.nextTick(callback);
    });
  });
}

/** The logger of one request, which names its id in each line. */
import type { FastifyBaseLogger } from 'fastify';

/**
 * Most requests log nothing, and making a child of a logger that redacts costs as much as a good part of answering a
 * small one: the child is made with the first line.
 */
export function createRequestLog(make: () => FastifyBaseLogger): FastifyBaseLogger {
  return new RequestLog(make);
}

type Line = [object: unknown, message?: string, ...values: unknown[]];

// A class, so that a request costs one small object and not a closure for each level.
class RequestLog implements FastifyBaseLogger {
  readonly #make: () => FastifyBaseLogger;
  #made: FastifyBaseLogger | null = null;

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make;
  }

  get #log(): FastifyBaseLogger {
    return (this.#made ??= this.#make());
  }

  get level(): string {
    return this.#log.level;
  }
  child(...how: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.#log.child(...how);
  }
  fatal(...line: Line): void {
    this.#log.fatal(...line);
  }
  error(...line: Line): void {
    this.#log.error(...line);
  }
  warn(...line: Line): void {
    this.#log.warn(...line);
  }
  info(...line: Line): void {
    this.#log.info(...line);
  }
  debug(...line: Line): void {
    this.#log.debug(...line);
  }
  trace(...line: Line): void {
    this.#log.trace(...line);
  }
  silent(...line: Line): void {
    this.#log.silent(...line);
  }
}

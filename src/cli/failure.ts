/** What ends a command: a full sentence for people, and a code for scripts. */

export const EXIT = Object.freeze({
  ok: 0,
  /** Refused by the server, or by what is on this machine. */
  failed: 1,
  usage: 2,
  /** No credential, or one that is not valid. */
  unauthenticated: 3,
  /** The server cannot be reached. */
  unreachable: 4,
  interrupted: 130,
});

export class Failure extends Error {
  override name = 'Failure';
  readonly exitCode: number;
  /** The server's code for it, such as NOT_FOUND. */
  readonly code: string;

  constructor(message: string, exitCode: number = EXIT.failed, code = 'FAILED') {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
  }
}

export function interrupted(): Failure {
  return new Failure('Stopped.', EXIT.interrupted, 'INTERRUPTED');
}

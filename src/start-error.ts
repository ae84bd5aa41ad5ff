/** Why the server cannot start, in a sentence for the operator: printed without a stack, exit code 1. */
export class StartError extends Error {
  override name = 'StartError';
}

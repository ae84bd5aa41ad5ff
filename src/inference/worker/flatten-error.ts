const MAX_MESSAGE_CHARACTERS = 500;

/**
 * One line of text for the other side of the border: no stack, no class, and no path of this machine, since
 * a model's owner reads it.
 */
export function flattenError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/(?:file:\/\/)?(?:\/[\w.@+-]+){2,}/g, '(path)');
  if (line === '') return 'The engine gave no reason.';
  return line.length > MAX_MESSAGE_CHARACTERS ? `${line.slice(0, MAX_MESSAGE_CHARACTERS)}…` : line;
}

/**
 * What a foreign key promises to be there. Its absence is a fault of ours, not an answer: thrown, so that it
 * is logged and masked instead of becoming a `null` that the contract excludes.
 */
export function referenced<T>(value: T | null, what: string): T {
  if (value === null) throw new Error(`${what} is referred to but was not found.`);
  return value;
}

export type Turns = <T>(tenantId: string, work: () => Promise<T>) => Promise<T>;

/**
 * Lets the work of one tenant run one after the other. Locks in the database do the same between
 * processes; here nobody holds a connection while waiting, so that many requests at once cannot use them all up.
 */
export function createTurns(): Turns {
  const lastOf = new Map<string, Promise<unknown>>();
  return async <T>(tenantId: string, work: () => Promise<T>): Promise<T> => {
    const before = lastOf.get(tenantId) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    lastOf.set(tenantId, settled);
    try {
      return await mine;
    } finally {
      if (lastOf.get(tenantId) === settled) lastOf.delete(tenantId);
    }
  };
}

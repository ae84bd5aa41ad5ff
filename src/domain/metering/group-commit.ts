/**
 * Many small writes as few commits: while one commit of a key is on its way to the disk, what else arrives for the
 * key gathers and goes with the next, so that together they wait for the disk once. The first of a key waits until the
 * end of its turn, unless it is the only one that runs: predictions that ran together are answered together, and should
 * not make two commits.
 */
export interface GroupCommit<Item, Outcome> {
  /**
   * Resolves when the item's commit is done, with its own outcome; rejects when the commit failed.
   * @param isAlone nobody can come in this turn to share its commit
   */
  submit(key: string, item: Item, isAlone: boolean): Promise<Outcome>;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (fault: unknown) => void;
}

/**
 * The waiting line is not bounded here: each item belongs to a running prediction, and those are.
 * @param commit writes the items in one transaction and returns their outcomes in the same order
 * @param options `maxItems` in one commit; `mayRetryAlone` says of a failed commit whether its members should be
 * tried one by one, which is right when one of them may be at fault, and wrong when the commit may have gone through
 */
export function createGroupCommit<Item, Outcome>(
  commit: (key: string, items: readonly Item[]) => Promise<readonly Outcome[]>,
  options: { readonly maxItems: number; readonly mayRetryAlone: (fault: unknown) => boolean },
): GroupCommit<Item, Outcome> {
  const lines = new Map<string, Waiting<Item, Outcome>[]>();

  /** Commits a group and returns what tells its members. Never rejects: a fault is told, too. */
  async function commitGroup(key: string, group: readonly Waiting<Item, Outcome>[]): Promise<() => void> {
    try {
      const outcomes = await commit(
        key,
        group.map((waiting) => waiting.item),
      );
      return () => group.forEach((waiting, i) => waiting.resolve(outcomes[i] as Outcome));
    } catch (fault) {
      if (group.length === 1 || !options.mayRetryAlone(fault)) {
        return () => group.forEach((waiting) => waiting.reject(fault));
      }
      // One item that the database does not take must not fail its neighbours: each gets a commit, and a fault, of
      // its own.
      for (const waiting of group) (await commitGroup(key, [waiting]))();
      return () => undefined;
    }
  }

  async function work(key: string, line: Waiting<Item, Outcome>[]): Promise<void> {
    let tell: (() => void) | null = null;
    for (;;) {
      const group = line.splice(0, options.maxItems);
      if (group.length === 0) {
        lines.delete(key);
        tell?.();
        return;
      }
      const committing = commitGroup(key, group);
      // Answering a group takes this thread as long as writing the next takes the database: so that is sent first, and
      // sending takes turns of its own.
      if (tell !== null) setImmediate(tell);
      tell = await committing;
    }
  }

  return Object.freeze({
    submit: (key: string, item: Item, isAlone: boolean) =>
      new Promise<Outcome>((resolve, reject) => {
        const waiting = { item, resolve, reject };
        const line = lines.get(key);
        if (line !== undefined) {
          line.push(waiting);
          return;
        }
        const fresh = [waiting];
        lines.set(key, fresh);
        if (isAlone) void work(key, fresh);
        else setImmediate(() => void work(key, fresh));
      }),
  });
}

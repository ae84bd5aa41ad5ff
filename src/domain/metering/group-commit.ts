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
 * tried one by one, which is right when one of them may be at fault, and not when the database is gone
 */
export function createGroupCommit<Item, Outcome>(
  commit: (key: string, items: readonly Item[]) => Promise<readonly Outcome[]>,
  options: { readonly maxItems: number; readonly mayRetryAlone: (fault: unknown) => boolean },
): GroupCommit<Item, Outcome> {
  const lines = new Map<string, Waiting<Item, Outcome>[]>();

  async function commitOne(key: string, waiting: Waiting<Item, Outcome>): Promise<void> {
    try {
      const [outcome] = await commit(key, [waiting.item]);
      waiting.resolve(outcome as Outcome);
    } catch (fault) {
      waiting.reject(fault);
    }
  }

  async function commitGroup(key: string, group: readonly Waiting<Item, Outcome>[]): Promise<void> {
    if (group.length === 1) return commitOne(key, group[0] as Waiting<Item, Outcome>);
    try {
      const outcomes = await commit(
        key,
        group.map((waiting) => waiting.item),
      );
      group.forEach((waiting, i) => waiting.resolve(outcomes[i] as Outcome));
    } catch (fault) {
      if (!options.mayRetryAlone(fault)) {
        for (const waiting of group) waiting.reject(fault);
        return;
      }
      // One item that the database does not take must not fail its neighbours: each gets a commit, and a fault, of
      // its own. Safe also when the lost commit did go through, because settling is exactly once.
      for (const waiting of group) await commitOne(key, waiting);
    }
  }

  async function work(key: string, line: Waiting<Item, Outcome>[]): Promise<void> {
    while (line.length > 0) await commitGroup(key, line.splice(0, options.maxItems));
    lines.delete(key);
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

import { describe, expect, it } from 'vitest';
import { createGroupCommit } from '../../../src/domain/metering/group-commit.js';

function recorder(fails: (items: readonly number[]) => boolean = () => false, mayRetryAlone = true) {
  const commits: number[][] = [];
  const group = createGroupCommit<number, number>(
    async (_key, items) => {
      commits.push([...items]);
      await new Promise((resolve) => setImmediate(resolve));
      if (fails(items)) throw new Error(`failed with ${items.join(',')}`);
      return items.map((item) => item * 10);
    },
    { maxItems: 3, mayRetryAlone: () => mayRetryAlone },
  );
  return { commits, submit: (item: number, key = 'a', isAlone = false) => group.submit(key, item, isAlone) };
}

describe('group commit', () => {
  it('what arrives during a commit goes with the next, in order and in bounds', async () => {
    const { commits, submit } = recorder();
    expect(await Promise.all([1, 2, 3, 4, 5].map((item) => submit(item)))).toEqual([10, 20, 30, 40, 50]);
    expect(commits).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('who is alone does not wait for the end of the turn, and who comes during its commit goes with the next', async () => {
    const { commits, submit } = recorder();
    const first = submit(1, 'a', true);
    expect(commits).toEqual([[1]]);
    await Promise.all([first, submit(2, 'a', true), submit(3)]);
    expect(commits).toEqual([[1], [2, 3]]);
  });

  it('the next commit is on its way before the members of the last are told', async () => {
    const events: string[] = [];
    const group = createGroupCommit<number, void>(
      async (_key, items) => {
        events.push(`commit ${items.join(',')}`);
        // An exchange with the database takes more than one turn.
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        return items.map(() => undefined);
      },
      { maxItems: 1, mayRetryAlone: () => false },
    );
    const told = (item: number) => group.submit('a', item, false).then(() => events.push(`tell ${item}`));
    await Promise.all([1, 2].map(told));
    expect(events).toEqual(['commit 1', 'commit 2', 'tell 1', 'tell 2']);
  });

  it('keys do not wait for each other', async () => {
    const { commits, submit } = recorder();
    await Promise.all([submit(1, 'a'), submit(2, 'b')]);
    expect(commits).toEqual([[1], [2]]);
  });

  it('a member at fault fails alone', async () => {
    const { submit } = recorder((items) => items.includes(2));
    const settled = await Promise.allSettled([1, 2, 3].map((item) => submit(item)));
    expect(settled.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('when the database is gone all fail at once, and the next commit is tried afresh', async () => {
    let isGone = true;
    const { commits, submit } = recorder(() => isGone, false);
    const settled = await Promise.allSettled([1, 2, 3].map((item) => submit(item)));
    expect(settled.every((result) => result.status === 'rejected')).toBe(true);
    expect(commits).toEqual([[1, 2, 3]]);
    isGone = false;
    expect(await submit(4)).toBe(40);
  });
});

/** Numbers that are the same in every run, so that a failure can be repeated by its seed. */
export interface Random {
  /** A whole number from 0 on, below the bound. */
  below(bound: number): number;
  pick<T>(items: readonly T[]): T;
  chance(oneIn: number): boolean;
}

/** xorshift32. */
export function randomOf(seed: number): Random {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 4; i++) next();
  const below = (bound: number): number => next() % Math.max(1, bound);
  return {
    below,
    pick: (items) => items[below(items.length)] as never,
    chance: (oneIn) => below(oneIn) === 0,
  };
}

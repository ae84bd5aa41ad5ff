import type { Page } from '../lib/page.js';

/** A page of the domain as a Relay connection. `isFirst`: the request had no `after`. */
export function toConnection<T>(page: Page<T>, isFirst: boolean) {
  return {
    edges: page.items.map((node, i) => ({ cursor: page.cursors[i] ?? '', node })),
    nodes: page.items,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: !isFirst,
      startCursor: page.cursors[0] ?? null,
      endCursor: page.cursors.at(-1) ?? null,
    },
  };
}

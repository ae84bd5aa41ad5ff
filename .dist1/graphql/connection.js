function toConnection(page, isFirst) {
  return {
    edges: page.items.map((node, i) => ({ cursor: page.cursors[i] ?? "", node })),
    nodes: page.items,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: !isFirst,
      startCursor: page.cursors[0] ?? null,
      endCursor: page.cursors.at(-1) ?? null
    }
  };
}
export {
  toConnection
};
//# sourceMappingURL=connection.js.map

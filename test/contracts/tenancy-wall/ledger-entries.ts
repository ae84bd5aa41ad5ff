/** Rows of the wall for the ledger's upkeep, which is the operator's alone: see `entries.ts`. */
import type { Entry } from './entries.js';

const denied = { refused: 'PERMISSION_DENIED' } as const;

function operated(field: string, selection: string, variables: Entry['variables']): Entry {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  return {
    document: `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} errors { __typename code message path } } }`,
    variables: (world) => ({ input: variables(world) }),
    stranger: denied,
    viewer: denied,
    // A tenant takes nothing of its own charges back either.
    owner: denied,
    secretId: 'predictionId',
  };
}

const { secretId: _, ...rebuild } = operated('rebuildUsageRollups', 'events', () => ({
  month: '2026-01-01T00:00:00Z',
}));

export const ledgerEntries: Readonly<Record<string, Entry>> = {
  'Query.checkUsageRollups': {
    document:
      '{ checkUsageRollups(range: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" }) { differences { tenantId } } }',
    variables: () => ({}),
    stranger: { error: 'PERMISSION_DENIED' },
    viewer: { error: 'PERMISSION_DENIED' },
    owner: { error: 'PERMISSION_DENIED' },
  },
  'Mutation.refundUsage': operated('refundUsage', 'correction { id }', ({ ids }) => ({
    ...{ tenantSlug: 'operator', predictionId: ids.prediction, reason: 'r' },
  })),
  'Mutation.correctUsage': operated('correctUsage', 'correction { id }', ({ ids }) => ({
    ...{ tenantSlug: 'operator', predictionId: ids.prediction, rows: -1, reason: 'r' },
  })),
  'Mutation.rebuildUsageRollups': rebuild,
};

/** Rows of the wall for limits: see `entries.ts`. */
import type { Entry } from './entries.js';

function onKey(field: string, selection: string, extra: object): Entry {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  return {
    document: `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} { id } errors { __typename code message path } } }`,
    variables: ({ ids }) => ({ input: { apiKeyId: ids.apiKey, measure: 'ROWS', window: 'DAY', ...extra } }),
    stranger: { refused: 'NOT_FOUND' },
    viewer: { refused: 'PERMISSION_DENIED' },
    owner: 'ok',
    secretId: 'apiKeyId',
  };
}

export const limitEntries: Readonly<Record<string, Entry>> = {
  'Query.limits': {
    document: 'query ($id: ID) { limits(apiKeyId: $id) { id subjectId } }',
    variables: ({ ids }) => ({ id: ids.apiKey }),
    stranger: { error: 'NOT_FOUND' },
    viewer: 'ok',
    owner: 'ok',
    secretId: 'id',
  },
  'Query.quotaThresholds': {
    document: '{ quotaThresholds { nodes { limitId subjectId } } }',
    variables: () => ({}),
    stranger: 'empty',
    viewer: 'ok',
  },
  'Mutation.setLimit': onKey('setLimit', 'limit', { amount: 1_000_000 }),
  'Mutation.removeLimit': onKey('removeLimit', 'removedLimit', {}),
};

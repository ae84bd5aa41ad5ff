/** Rows of the wall for yanks and comparisons: see `entries.ts`. */
import type { Entry } from './entries.js';

function onVersion(field: string, extra: object): Entry {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  return {
    document: `mutation ($input: ${type}) { ${field}(input: $input) { version { id } errors { __typename code message path } } }`,
    variables: ({ ids }) => ({ input: { versionId: ids.version, ...extra } }),
    stranger: { refused: 'NOT_FOUND' },
    viewer: { refused: 'PERMISSION_DENIED' },
    owner: 'ok',
    secretId: 'versionId',
  };
}

export const provenanceEntries: Readonly<Record<string, Entry>> = {
  'Query.compareVersions': {
    document: `query ($a: ID!) { compareVersions(a: $a, b: $a) { a { id derivatives { nodes { id } } yank { reason }
      publication { id report { totalMs } } } metrics { name } tensors { name } } }`,
    variables: ({ ids }) => ({ a: ids.version }),
    stranger: 'null',
    viewer: 'ok',
    owner: 'ok',
    secretId: 'a',
  },
  'Mutation.yankVersion': onVersion('yankVersion', { reason: 'It is wrong.' }),
  'Mutation.unyankVersion': onVersion('unyankVersion', {}),
};

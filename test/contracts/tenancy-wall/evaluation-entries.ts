/** The rows of datasets and evaluations; see `entries.ts`. */
import type { Entry } from './entries.js';
import type { World } from './world.js';

type OnOwn = (
  field: string,
  selection: string,
  secretId: string,
  variables: (world: World) => object,
  rest?: Partial<Entry>,
) => Entry;

export function evaluationEntries(
  mutation: (field: string, selection: string) => string,
  onOwn: OnOwn,
): Readonly<Record<string, Entry>> {
  return {
    'Query.dataset': {
      document: 'query ($id: ID!) { dataset(id: $id) { id name sha256 classes { label } } }',
      variables: ({ ids }) => ({ id: ids.dataset }),
      stranger: 'null',
      viewer: 'ok',
      owner: 'ok',
      secretId: 'id',
    },
    'Query.evaluation': {
      document:
        'query ($id: ID!) { evaluation(id: $id) { id version { id } dataset { id } report { accuracy } } }',
      variables: ({ ids }) => ({ id: ids.evaluation }),
      stranger: 'null',
      viewer: 'ok',
      owner: 'ok',
      secretId: 'id',
    },
    'Query.evaluations': {
      document: 'query ($id: ID) { evaluations(filter: { datasetId: $id }) { nodes { id datasetName } } }',
      variables: ({ ids }) => ({ id: ids.dataset }),
      stranger: 'empty',
      viewer: 'ok',
      owner: 'ok',
      secretId: 'id',
    },
    'Query.compareEvaluations': {
      document: 'query ($a: ID!, $b: ID!) { compareEvaluations(a: $a, b: $b) { rows a { id } } }',
      variables: ({ ids }) => ({ a: ids.evaluation, b: ids.evaluation }),
      stranger: 'null',
      viewer: 'ok',
      owner: 'ok',
      secretId: 'a',
    },
    'Mutation.createDataset': onOwn('createDataset', 'dataset { id }', 'uploadId', ({ ids }) => ({
      name: 'made',
      uploadId: ids.datasetUpload,
    })),
    'Mutation.deleteDataset': onOwn('deleteDataset', 'deletedDatasetId', 'datasetId', ({ ids }) => ({
      datasetId: ids.spareDataset,
    })),
    'Mutation.evaluateVersion': {
      document: mutation('evaluateVersion', 'evaluation { id }'),
      variables: ({ ids }) => ({ input: { versionId: ids.version, datasetId: ids.dataset } }),
      stranger: { refused: 'NOT_FOUND' },
      viewer: { refused: 'PERMISSION_DENIED' },
      owner: 'ok',
      secretId: 'versionId',
    },
    // It has ended: for its owner that is a clash, for everybody else it is not there.
    'Mutation.cancelEvaluation': onOwn(
      'cancelEvaluation',
      'evaluation { id }',
      'evaluationId',
      ({ ids }) => ({ evaluationId: ids.evaluation }),
      { owner: { refused: 'CONFLICT' } },
    ),
    'Mutation.resumeEvaluation': onOwn(
      'resumeEvaluation',
      'evaluation { id }',
      'evaluationId',
      ({ ids }) => ({ evaluationId: ids.evaluation }),
      { owner: { refused: 'CONFLICT' } },
    ),
  };
}

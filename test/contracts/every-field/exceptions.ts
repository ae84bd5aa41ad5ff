/** What the schema declares and this test does not meet, each with the reason. Nothing else may be missing. */

/** Fields that may be null, and always are. */
export const ALWAYS_EMPTY: Readonly<Record<string, string>> = {
  'PermissionDeniedError.path': 'No single field is at fault.',
  'InvalidCredentialsError.path': 'Saying which part was wrong would help a guesser.',
  'QuotaExceededError.path': 'No single field is at fault.',
  'RateLimitedError.path': 'No single field is at fault.',
  'OverloadedError.path': 'No single field is at fault.',
  'DeadlineExceededError.path': 'No single field is at fault.',
  'PredictionFailedError.path': 'No single field is at fault.',
  'TooManyUploadsError.path': 'No single field is at fault.',
};

const NOT_IN_TFJS =
  'The engines of today know FP32, INT32, BOOL and BYTES; the others are for those to come.';
const TIMING = 'It lasts a moment; the import child and the publication runner have tests of their own.';

/** Values of enums that were neither answered nor sent. */
export const UNSEEN_VALUES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT64', 'FP16', 'FP64'].map((name) => [
      `Datatype.${name}`,
      NOT_IN_TFJS,
    ]),
  ),
  'PublicationStatus.QUEUED': TIMING,
  'PublicationStatus.RUNNING': TIMING,
  'EvaluationStatus.QUEUED': TIMING,
  'EvaluationStatus.RUNNING': TIMING,
  'ImportRefusalReason.IMPORT_TIMED_OUT':
    'Needs another server; see test/integration/importers/child.test.ts.',
  'ImportRefusalReason.IMPORT_OUT_OF_MEMORY': 'See test/integration/importers/child.test.ts.',
  'ImportRefusalReason.IMPORT_CRASHED': 'See test/integration/importers/child.test.ts.',
};

/** Mutations that leave no event with their name, and where they are recorded instead. */
export const NOT_AUDITED: Readonly<Record<string, string>> = {
  predict: 'Each is a row of the ledger, with its receipt.',
  refreshSession: 'Every few minutes for every user; only a token that comes back a second time is recorded.',
};

/** The operations of the story, as an application would write them. */
const ERRORS = `errors { __typename code message ... on QuotaExceededError { limit used resetsAt } }`;

export const SIGN_UP = `mutation ($input: SignUpInput!) {
  signUp(input: $input) { session { accessToken } tenant { id slug } ${ERRORS} }
}`;

export const CREATE_MODEL = `mutation ($input: CreateModelInput!) {
  createModel(input: $input) { model { id fullName } ${ERRORS} }
}`;

export const PUBLISH = `mutation ($input: PublishVersionInput!) {
  publishVersion(input: $input) {
    version { id number format sha256 runtime signature { inputs { name datatype shape } outputs { name datatype shape } } trials { runtime ok computeMs } }
    ${ERRORS}
  }
}`;

export const SEARCH = `query ($search: String!) {
  models(search: $search) { totalCount nodes { id fullName summary viewerRights versions { nodes { id number } } } }
}`;

export const GRANT = `mutation ($input: GrantAccessInput!) {
  grantAccess(input: $input) { grant { id rights } ${ERRORS} }
}`;

export const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id } secret ${ERRORS} }
}`;

export const PREDICT = `mutation ($input: PredictInput!) {
  predict(input: $input) {
    prediction { id outputs { name shape data } receipt { versionNumber runtime worker queueMs computeMs remaining } }
    ${ERRORS}
  }
}`;

export const ACCOUNTS = `query ($apiKeyId: ID) {
  quota(apiKeyId: $apiKeyId) { subject limit used reserved remaining resetsAt }
  usage(groupBy: [MODEL, VERSION]) { total { predictions } rows { model versionNumber sum { predictions computeMs } } }
}`;

export const LEDGER = `query ($after: String) {
  predictions(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
}`;

export const SERVER = `{ serverInfo { runtimes { runtime available } } }`;

export const CREATE_DATASET = `mutation ($input: CreateDatasetInput!) {
  createDataset(input: $input) { dataset { id name rows sha256 } ${ERRORS} }
}`;

export const EVALUATE = `mutation ($input: EvaluateVersionInput!) {
  evaluateVersion(input: $input) {
    evaluation { id status charged failure { message } report { accuracy loss classification { macro { f1 } } } }
    ${ERRORS}
  }
}`;

export const COMPARE = `query ($a: ID!, $b: ID!) {
  compareEvaluations(a: $a, b: $b) { rows agreement { bothRight onlyA onlyB neither mcNemarPValue } }
}`;

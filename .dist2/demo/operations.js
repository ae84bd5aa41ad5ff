const ERRORS = `errors { __typename code message ... on QuotaExceededError { limit used resetsAt } }`;
const SIGN_UP = `mutation ($input: SignUpInput!) {
  signUp(input: $input) { session { accessToken } tenant { id slug } ${ERRORS} }
}`;
const CREATE_MODEL = `mutation ($input: CreateModelInput!) {
  createModel(input: $input) { model { id fullName } ${ERRORS} }
}`;
const PUBLISH = `mutation ($input: PublishVersionInput!) {
  publishVersion(input: $input) {
    version { id number format sha256 runtime signature { inputs { name datatype shape } outputs { name datatype shape } } trials { runtime ok computeMs } }
    ${ERRORS}
  }
}`;
const SEARCH = `query ($search: String!) {
  models(search: $search) { totalCount nodes { id fullName summary viewerRights versions { nodes { id number } } } }
}`;
const GRANT = `mutation ($input: GrantAccessInput!) {
  grantAccess(input: $input) { grant { id rights } ${ERRORS} }
}`;
const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id } secret ${ERRORS} }
}`;
const PREDICT = `mutation ($input: PredictInput!) {
  predict(input: $input) {
    prediction { id outputs { name shape data } receipt { versionNumber runtime worker queueMs computeMs remaining } }
    ${ERRORS}
  }
}`;
const ACCOUNTS = `query ($apiKeyId: ID) {
  quota(apiKeyId: $apiKeyId) { subject limit used reserved remaining resetsAt }
  usage(groupBy: [MODEL, VERSION]) { total { predictions } rows { model versionNumber sum { predictions computeMs } } }
}`;
const LEDGER = `query ($after: String) {
  predictions(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
}`;
const SERVER = `{ serverInfo { runtimes { runtime available } } }`;
export {
  ACCOUNTS,
  CREATE_KEY,
  CREATE_MODEL,
  GRANT,
  LEDGER,
  PREDICT,
  PUBLISH,
  SEARCH,
  SERVER,
  SIGN_UP
};
//# sourceMappingURL=operations.js.map

// Which domain type a resolver receives for each GraphQL type. Paths are relative to
// src/graphql/generated/resolvers.ts. Types without an entry are plain data in the schema's own shape.
// Those of the same name are imported under another, because the generated file declares the name itself.
export const mappers = {
  Tenant: '../../domain/tenants/index.js#Tenant as TenantSource',
  Membership: '../../domain/tenants/index.js#Membership as MembershipSource',
  Invitation: '../../domain/tenants/index.js#Invitation as InvitationSource',
  User: '../../domain/identity/index.js#User as UserSource',
  ApiKey: '../../domain/identity/index.js#ApiKey as ApiKeySource',
  Viewer: '../../domain/access/index.js#Actor',
  AuditEvent: '../../domain/audit/index.js#AuditEvent as AuditEventSource',
  Model: '../../domain/catalog/index.js#Model as ModelSource',
  ModelConnection: '../../domain/catalog/index.js#ModelMatches',
  Version: '../../domain/versions/index.js#Version as VersionSource',
  Publication: '../../domain/versions/index.js#Publication as PublicationSource',
  Yank: '../../domain/versions/index.js#Yank as YankSource',
  TenantStorage: '../../domain/versions/index.js#StorageUse',
  Upload: '../../domain/versions/index.js#Upload as UploadSource',
  Alias: '../../domain/aliases/index.js#Alias as AliasSource',
  AliasMove: '../../domain/aliases/index.js#AliasMove as AliasMoveSource',
  AliasRequest: '../../domain/aliases/index.js#AliasRequest as AliasRequestSource',
  AliasMoveCheck: '../../domain/aliases/index.js#AliasMoveCheck as AliasMoveCheckSource',
  AliasCaller: '../../domain/metering/index.js#AliasCaller as AliasCallerSource',
  Grant: '../../domain/sharing/index.js#Grant as GrantSource',
  Plan: '../../domain/marketplace/index.js#Plan as PlanSource',
  PlanSubscription: '../../domain/marketplace/index.js#Subscription as PlanSubscriptionSource',
  Statement: '../../domain/billing/index.js#Statement as StatementSource',
  StatementLine: '../../domain/billing/index.js#StatementLine as StatementLineSource',
  Earnings: '../../domain/billing/index.js#Earnings as EarningsSource',
  EarningsLine: '../../domain/billing/index.js#EarningsLine as EarningsLineSource',
  StatementClosing: '../../domain/billing/index.js#Closing',
  Quota: '../../domain/metering/index.js#Quota as QuotaSource',
  Limit: '../../domain/metering/index.js#Limit as LimitSource',
  LimitLeft: '../../domain/metering/index.js#LimitLeft as LimitLeftSource',
  QuotaThreshold: '../../domain/metering/index.js#ThresholdEvent',
  ServerInfo: '../server-status.js#ServerStatus',
  PoolWorker: '../server-status.js#PoolWorkerStatus',
  ResidentModel: '../server-status.js#ResidentStatus',
  PoolQueue: '../server-status.js#PoolQueueStatus',
  QuarantinedModel: '../server-status.js#QuarantinedStatus',
  PredictionQuote: '../../domain/predictions/index.js#Quote',
  Prediction: '../../domain/predictions/index.js#Prediction as PredictionSource',
  Dataset: '../../domain/evaluations/index.js#Dataset as DatasetSource',
  Evaluation: '../../domain/evaluations/index.js#Evaluation as EvaluationSource',
  EvaluationFailure: '../../domain/evaluations/index.js#EvaluationFailure as EvaluationFailureSource',
  UserError: '../../lib/result.js#Refusal',
};

export const scalars = {
  ID: 'string',
  DateTime: { input: 'Date', output: 'Date' },
  SafeInt: 'number',
  TensorData: 'unknown',
};

// Values that the code spells otherwise than the schema.
export const enumValues = {
  Runtime: { TFJS_GRAPH: 'tfjs-graph', TFJS_NODE: 'tfjs-node', TFJS_WASM: 'tfjs-wasm', ONNX: 'onnx' },
};

// Which domain type a resolver receives for each GraphQL type. Paths are relative to
// src/graphql/generated/resolvers.ts. Types without an entry are plain data in the schema's own shape.
export const mappers = {
  Tenant: '../../domain/tenants/index.js#Tenant',
  Membership: '../../domain/tenants/index.js#Membership',
  Invitation: '../../domain/tenants/index.js#Invitation',
  User: '../../domain/identity/index.js#User',
  ApiKey: '../../domain/identity/index.js#ApiKey',
  Viewer: '../../domain/access/index.js#Actor',
  AuditEvent: '../../domain/audit/index.js#AuditEvent',
  Model: '../../domain/catalog/index.js#Model',
  ModelConnection: '../../domain/catalog/index.js#ModelMatches',
  Version: '../../domain/versions/index.js#Version',
  Publication: '../../domain/versions/index.js#Publication',
  Upload: '../../domain/versions/index.js#Upload',
  Grant: '../../domain/sharing/index.js#Grant',
  Quota: '../../domain/metering/index.js#Quota',
  Prediction: '../../domain/predictions/index.js#Prediction',
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
  Runtime: { TFJS_NODE: 'tfjs-node', TFJS_WASM: 'tfjs-wasm' },
};

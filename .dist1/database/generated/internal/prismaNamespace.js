import * as runtime from "@prisma/client/runtime/client";
import {} from "./class.js";
const PrismaClientKnownRequestError = runtime.PrismaClientKnownRequestError;
const PrismaClientUnknownRequestError = runtime.PrismaClientUnknownRequestError;
const PrismaClientRustPanicError = runtime.PrismaClientRustPanicError;
const PrismaClientInitializationError = runtime.PrismaClientInitializationError;
const PrismaClientValidationError = runtime.PrismaClientValidationError;
const sql = runtime.sqltag;
const empty = runtime.empty;
const join = runtime.join;
const raw = runtime.raw;
const Sql = runtime.Sql;
const skip = runtime.skip;
const Decimal = runtime.Decimal;
const getExtensionContext = runtime.Extensions.getExtensionContext;
const prismaVersion = {
  client: "7.10.0",
  engine: "0edf323efd1d98336f3f0a68684b56f689b900d3"
};
const NullTypes = {
  DbNull: runtime.NullTypes.DbNull,
  JsonNull: runtime.NullTypes.JsonNull,
  AnyNull: runtime.NullTypes.AnyNull
};
const DbNull = runtime.DbNull;
const JsonNull = runtime.JsonNull;
const AnyNull = runtime.AnyNull;
const ModelName = {
  Tenant: "Tenant",
  TenantPlan: "TenantPlan",
  User: "User",
  UserPassword: "UserPassword",
  Membership: "Membership",
  Invitation: "Invitation",
  Session: "Session",
  RefreshToken: "RefreshToken",
  ApiKey: "ApiKey",
  AuditEvent: "AuditEvent",
  Model: "Model",
  Artifact: "Artifact",
  Upload: "Upload",
  Publication: "Publication",
  Version: "Version",
  Grant: "Grant",
  QuotaCounter: "QuotaCounter",
  Reservation: "Reservation",
  UsageEvent: "UsageEvent",
  IdempotencyRecord: "IdempotencyRecord"
};
const TransactionIsolationLevel = runtime.makeStrictEnum({
  ReadUncommitted: "ReadUncommitted",
  ReadCommitted: "ReadCommitted",
  RepeatableRead: "RepeatableRead",
  Serializable: "Serializable"
});
const TenantScalarFieldEnum = {
  id: "id",
  slug: "slug",
  name: "name",
  isOperator: "isOperator",
  createdAt: "createdAt"
};
const TenantPlanScalarFieldEnum = {
  tenantId: "tenantId",
  predictionsPerMonth: "predictionsPerMonth",
  updatedAt: "updatedAt"
};
const UserScalarFieldEnum = {
  id: "id",
  email: "email",
  name: "name",
  createdAt: "createdAt"
};
const UserPasswordScalarFieldEnum = {
  userId: "userId",
  passwordHash: "passwordHash",
  updatedAt: "updatedAt"
};
const MembershipScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  userId: "userId",
  role: "role",
  createdAt: "createdAt"
};
const InvitationScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  email: "email",
  role: "role",
  tokenHash: "tokenHash",
  invitedBy: "invitedBy",
  expiresAt: "expiresAt",
  acceptedAt: "acceptedAt",
  revokedAt: "revokedAt",
  createdAt: "createdAt"
};
const SessionScalarFieldEnum = {
  id: "id",
  userId: "userId",
  expiresAt: "expiresAt",
  revokedAt: "revokedAt",
  createdAt: "createdAt"
};
const RefreshTokenScalarFieldEnum = {
  tokenHash: "tokenHash",
  sessionId: "sessionId",
  userId: "userId",
  usedAt: "usedAt",
  expiresAt: "expiresAt",
  createdAt: "createdAt"
};
const ApiKeyScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  name: "name",
  secretHash: "secretHash",
  prefix: "prefix",
  lastFour: "lastFour",
  scopes: "scopes",
  predictionsPerMonth: "predictionsPerMonth",
  createdBy: "createdBy",
  expiresAt: "expiresAt",
  lastUsedAt: "lastUsedAt",
  revokedAt: "revokedAt",
  createdAt: "createdAt"
};
const AuditEventScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  action: "action",
  subjectId: "subjectId",
  userId: "userId",
  apiKeyId: "apiKeyId",
  requestId: "requestId",
  details: "details",
  createdAt: "createdAt"
};
const ModelScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  ownerSlug: "ownerSlug",
  name: "name",
  summary: "summary",
  card: "card",
  licence: "licence",
  tags: "tags",
  task: "task",
  visibility: "visibility",
  publicAccess: "publicAccess",
  lastVersionNumber: "lastVersionNumber",
  archivedAt: "archivedAt",
  createdAt: "createdAt",
  updatedAt: "updatedAt"
};
const ArtifactScalarFieldEnum = {
  digest: "digest",
  bytes: "bytes",
  createdAt: "createdAt"
};
const UploadScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  digest: "digest",
  bytes: "bytes",
  expiresAt: "expiresAt",
  createdAt: "createdAt"
};
const PublicationScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  modelId: "modelId",
  digest: "digest",
  bytes: "bytes",
  notes: "notes",
  status: "status",
  phase: "phase",
  progress: "progress",
  versionId: "versionId",
  refusalReason: "refusalReason",
  refusalMessage: "refusalMessage",
  refusalSubject: "refusalSubject",
  createdBy: "createdBy",
  createdAt: "createdAt",
  finishedAt: "finishedAt",
  uploadId: "uploadId",
  requestId: "requestId",
  attempts: "attempts",
  leaseOwner: "leaseOwner",
  leaseExpiresAt: "leaseExpiresAt"
};
const VersionScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  modelId: "modelId",
  number: "number",
  format: "format",
  producer: "producer",
  digest: "digest",
  bytes: "bytes",
  packDigest: "packDigest",
  packBytes: "packBytes",
  signature: "signature",
  runtime: "runtime",
  trials: "trials",
  parameterCount: "parameterCount",
  weightBytes: "weightBytes",
  operations: "operations",
  findings: "findings",
  notes: "notes",
  createdBy: "createdBy",
  createdAt: "createdAt"
};
const GrantScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  modelId: "modelId",
  granteeTenantId: "granteeTenantId",
  rights: "rights",
  createdBy: "createdBy",
  expiresAt: "expiresAt",
  revokedAt: "revokedAt",
  createdAt: "createdAt"
};
const QuotaCounterScalarFieldEnum = {
  tenantId: "tenantId",
  subject: "subject",
  subjectId: "subjectId",
  periodStart: "periodStart",
  used: "used",
  reserved: "reserved"
};
const ReservationScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  apiKeyId: "apiKeyId",
  periodStart: "periodStart",
  units: "units",
  expiresAt: "expiresAt",
  createdAt: "createdAt"
};
const UsageEventScalarFieldEnum = {
  id: "id",
  tenantId: "tenantId",
  userId: "userId",
  apiKeyId: "apiKeyId",
  requestId: "requestId",
  ownerTenantId: "ownerTenantId",
  modelId: "modelId",
  modelName: "modelName",
  versionId: "versionId",
  versionNumber: "versionNumber",
  digest: "digest",
  runtime: "runtime",
  worker: "worker",
  batchSize: "batchSize",
  rows: "rows",
  units: "units",
  queueMs: "queueMs",
  loadMs: "loadMs",
  computeMs: "computeMs",
  periodStart: "periodStart",
  createdAt: "createdAt"
};
const IdempotencyRecordScalarFieldEnum = {
  tenantId: "tenantId",
  key: "key",
  requestHash: "requestHash",
  predictionId: "predictionId",
  outputs: "outputs",
  claimExpiresAt: "claimExpiresAt",
  createdAt: "createdAt"
};
const SortOrder = {
  asc: "asc",
  desc: "desc"
};
const JsonNullValueInput = {
  JsonNull
};
const QueryMode = {
  default: "default",
  insensitive: "insensitive"
};
const NullsOrder = {
  first: "first",
  last: "last"
};
const JsonNullValueFilter = {
  DbNull,
  JsonNull,
  AnyNull
};
const defineExtension = runtime.Extensions.defineExtension;
export {
  AnyNull,
  ApiKeyScalarFieldEnum,
  ArtifactScalarFieldEnum,
  AuditEventScalarFieldEnum,
  DbNull,
  Decimal,
  GrantScalarFieldEnum,
  IdempotencyRecordScalarFieldEnum,
  InvitationScalarFieldEnum,
  JsonNull,
  JsonNullValueFilter,
  JsonNullValueInput,
  MembershipScalarFieldEnum,
  ModelName,
  ModelScalarFieldEnum,
  NullTypes,
  NullsOrder,
  PrismaClientInitializationError,
  PrismaClientKnownRequestError,
  PrismaClientRustPanicError,
  PrismaClientUnknownRequestError,
  PrismaClientValidationError,
  PublicationScalarFieldEnum,
  QueryMode,
  QuotaCounterScalarFieldEnum,
  RefreshTokenScalarFieldEnum,
  ReservationScalarFieldEnum,
  SessionScalarFieldEnum,
  SortOrder,
  Sql,
  TenantPlanScalarFieldEnum,
  TenantScalarFieldEnum,
  TransactionIsolationLevel,
  UploadScalarFieldEnum,
  UsageEventScalarFieldEnum,
  UserPasswordScalarFieldEnum,
  UserScalarFieldEnum,
  VersionScalarFieldEnum,
  defineExtension,
  empty,
  getExtensionContext,
  join,
  prismaVersion,
  raw,
  skip,
  sql
};
//# sourceMappingURL=prismaNamespace.js.map

import { GraphQLError } from "graphql";
import { hasTenant } from "../domain/access/index.js";
function requireActor(context) {
  if (context.actor !== null) return context.actor;
  throw new GraphQLError(
    "Sign in first: send `Authorization: Bearer` with an access token (see `signIn`) or an API key.",
    { extensions: { code: "UNAUTHENTICATED" } }
  );
}
function requireTenantActor(context) {
  const actor = requireActor(context);
  if (hasTenant(actor)) return actor;
  throw new GraphQLError(
    "This needs a tenant: create one with `createTenant`, accept an invitation, or name one of yours in the `Souk-Tenant` header.",
    { extensions: { code: "TENANT_REQUIRED" } }
  );
}
export {
  requireActor,
  requireTenantActor
};
//# sourceMappingURL=context.js.map

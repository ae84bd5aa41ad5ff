import { randomBytes } from "node:crypto";
import { bootstrapPath, writeBootstrapFile } from "./data-directory.js";
import { newId } from "./lib/ids.js";
import { StartError } from "./start-error.js";
const OWNER_EMAIL = "owner@souk.localhost";
const OPERATOR_SLUG = "operator";
async function bootstrapOperator(identity, dataDirectory, url) {
  const result = await identity.bootstrapOperatorAcrossTenants({
    email: OWNER_EMAIL,
    password: randomBytes(18).toString("base64url"),
    name: "Owner",
    tenantSlug: OPERATOR_SLUG,
    tenantName: "Operator",
    requestId: newId("request"),
    deliver: ({ email: email2, password: password2, tenantSlug: tenantSlug2, apiKey: apiKey2 }) => writeBootstrapFile(dataDirectory, { url, email: email2, password: password2, tenant: tenantSlug2, apiKey: apiKey2 })
  });
  if (!result.ok) throw new StartError(`The first owner could not be made: ${result.error.message}`);
  if (result.value === null) return null;
  const { email, password, tenantSlug, apiKey } = result.value.credentials;
  return { url, email, password, tenant: tenantSlug, apiKey, file: bootstrapPath(dataDirectory) };
}
function describeBootstrap({ email, password, tenant, apiKey, file }) {
  return [
    "This is the first start. Keep these, they are shown once:",
    `  owner     ${email}`,
    `  password  ${password}`,
    `  tenant    ${tenant}`,
    `  API key   ${apiKey}`,
    `They are also in ${file}, which only this account can read; delete it when you have them elsewhere.`
  ].join("\n");
}
export {
  bootstrapOperator,
  describeBootstrap
};
//# sourceMappingURL=first-start.js.map

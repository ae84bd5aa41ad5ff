/** The first start makes the operator's tenant, its owner and an API key, and says so once. */
import { randomBytes } from 'node:crypto';
import { bootstrapPath, writeBootstrapFile, type BootstrapFile } from './data-directory.js';
import type { IdentityService } from './domain/identity/index.js';
import { newId } from './lib/ids.js';
import { StartError } from './start-error.js';

export interface Bootstrap extends BootstrapFile {
  /** Where the same is written down. */
  readonly file: string;
}

const OWNER_EMAIL = 'owner@souk.localhost';
const OPERATOR_SLUG = 'operator';

/** `null` when the server has an operator already. The file is written before anything is committed. */
export async function bootstrapOperator(
  identity: Pick<IdentityService, 'bootstrapOperatorAcrossTenants'>,
  dataDirectory: string,
  url: string,
): Promise<Bootstrap | null> {
  const result = await identity.bootstrapOperatorAcrossTenants({
    email: OWNER_EMAIL,
    password: randomBytes(18).toString('base64url'),
    name: 'Owner',
    tenantSlug: OPERATOR_SLUG,
    tenantName: 'Operator',
    requestId: newId('request'),
    deliver: ({ email, password, tenantSlug, apiKey }) =>
      writeBootstrapFile(dataDirectory, { url, email, password, tenant: tenantSlug, apiKey }),
  });
  if (!result.ok) throw new StartError(`The first owner could not be made: ${result.error.message}`);
  if (result.value === null) return null;
  const { email, password, tenantSlug, apiKey } = result.value.credentials;
  return { url, email, password, tenant: tenantSlug, apiKey, file: bootstrapPath(dataDirectory) };
}

/** What is printed beside the ready line. */
export function describeBootstrap({ email, password, tenant, apiKey, file }: Bootstrap): string {
  return [
    'This is the first start. Keep these, they are shown once:',
    `  owner     ${email}`,
    `  password  ${password}`,
    `  tenant    ${tenant}`,
    `  API key   ${apiKey}`,
    `They are also in ${file}, which only this account can read; delete it when you have them elsewhere.`,
  ].join('\n');
}

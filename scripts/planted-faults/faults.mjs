// The faults that metering, and the sharing of an overloaded server, must not have, each with the tests that notice it. Texts are as short as they can be and still
// occur once: whoever changes the source changes them here (`test/unit/scripts/planted-faults.test.ts` says which).
import { BILLING_FAULTS } from './billing-faults.mjs';
import { CHARGE_FAULTS } from './charge-faults.mjs';
import { KEY_FAULTS } from './key-faults.mjs';
import { LEASE_FAULTS } from './lease-faults.mjs';
import { LEDGER_FAULTS } from './ledger-faults.mjs';
import { LIMIT_FAULTS } from './limit-faults.mjs';
import { OVERLOAD_FAULTS } from './overload-faults.mjs';

/** @type {import('./plant.mjs').Fault[]} */
export const FAULTS = [
  ...LEASE_FAULTS,
  ...LIMIT_FAULTS,
  ...LEDGER_FAULTS,
  ...BILLING_FAULTS,
  ...CHARGE_FAULTS,
  ...KEY_FAULTS,
  ...OVERLOAD_FAULTS,
];

// `npm run check`: types, lint, format, schema, generated code fresh, and the unit tests.
import { conclude, runChecks, runTests } from './checks.mjs';
import { setupOrExit } from './setup.mjs';

await setupOrExit({ quiet: true });
conclude(await runChecks(), await runTests(['test/unit']));

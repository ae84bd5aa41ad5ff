// `node --import …/register.mjs`, or an import: from then on TypeScript is run from source. For campaigns, which
// share their corpus and writers with the tests; the server itself always runs from `dist`.
import { register } from 'node:module';

register('./hooks.mjs', import.meta.url);

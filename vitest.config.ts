import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

// Vite would take graphql's `module` build, Node takes `main`: two copies, whose classes do not know each other.
const graphql = fileURLToPath(new URL('./node_modules/graphql/index.js', import.meta.url));

// They run engines in their own process, look at it, and bring engines down in it: which backend of tfjs is the current
// one, and whether TensorFlow has run before, must not depend on the file before.
const ALONE = 'test/integration/{inference,importers,lowering}/**/*.test.ts';

export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: graphql }] },
  test: {
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // On two cores: tests wait for servers, databases and import children for a good part of their time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Without I/O and without state of a module's own: files may share what they have loaded, which halves their time.
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: false } },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/{integration,e2e,contracts}/**/*.test.ts'],
          exclude: [ALONE],
          // Each file has a database, a directory or a server of its own, and leaves nothing changed in the process. What
          // it imports (Prisma, GraphQL, TensorFlow) takes two seconds of a core, and most files need less for themselves.
          isolate: false,
          // One PostgreSQL for all of them; the others do without.
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      { extends: true, test: { name: 'alone', include: [ALONE] } },
    ],
  },
});

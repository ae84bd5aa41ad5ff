import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Vite would take graphql's `module` build, Node takes `main`: two copies, whose classes do not know each other.
const graphql = fileURLToPath(new URL('./node_modules/graphql/index.js', import.meta.url));

export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: graphql }] },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // On two cores: tests wait for servers, databases and import children for a good part of their time.
    maxWorkers: 3,
    projects: [
      // Without I/O and without state of a module's own: files may share what they have loaded, which halves their time.
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: false } },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/{integration,e2e,contracts}/**/*.test.ts'],
          // One PostgreSQL for all of them; the unit tests do without.
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
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

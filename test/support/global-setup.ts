import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { EmbeddedPostgres, migrate } from '../../src/database/index.js';
import { createLogger } from '../../src/lib/logger.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the migrated database that every test database is copied from. */
    templateUrl: string;
  }
}

/** One real PostgreSQL for the whole run, in a temporary folder; migrated once. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'souk-test-'));
  const logger = createLogger('error');
  const postgres = new EmbeddedPostgres({ dataDirectory: directory, logger });
  const teardown = async () => {
    await postgres.stop();
    removeDataDirectory(directory);
  };
  try {
    await postgres.start();
    const folder = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
    await migrate({ url: postgres.connectionString, folder, logger });
    project.provide('templateUrl', postgres.connectionString);
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}

/** Also where the cluster is elsewhere, behind a link (see `embedded-launch.ts`). */
export function removeDataDirectory(directory: string): void {
  try {
    rmSync(realpathSync(join(directory, 'postgres')), { recursive: true, force: true });
  } catch {
    // It was never made.
  }
  rmSync(directory, { recursive: true, force: true });
}

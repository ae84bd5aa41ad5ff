import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Begun in this order; what is not named comes after. Folders, and single files that take longer than their neighbours.
 * A fresh clone does not know how long a file takes, and by size alone a minute's campaign may be the last to begin.
 */
const FIRST = [
  'test/contracts/every-field',
  'test/e2e',
  'test/contracts',
  'test/integration/importers',
  'test/integration/lowering',
  'test/integration/database/embedded',
  'test/integration/versions',
  'test/unit/walls',
  'test/unit/lowering',
  'test/unit/importers',
];

/** Those with the long files first. */
const PROJECTS = ['real', 'alone', 'unit'];

/** Long files first, so that no core waits at the end for the other one's last minute. */
export class LongestFirst extends BaseSequencer {
  /** In equal rank as vitest has it: by what they took the last time, or else by size. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const { root } = this.ctx.config;
    const rank = ({ project, moduleId }: TestSpecification): number => {
      const file = relative(root, moduleId);
      const at = FIRST.findIndex((start) => file.startsWith(start));
      // Files of one project stay together: a process that has loaded its modules serves only that project.
      return (FIRST.length + 1) * PROJECTS.indexOf(project.name) + (at === -1 ? FIRST.length : at);
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

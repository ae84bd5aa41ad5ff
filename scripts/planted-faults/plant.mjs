// Texts of faults in the sources: whether they still fit, and how they are put in.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Fault
 * @property {string} name
 * @property {string} file the path in the project
 * @property {string} find occurs exactly once in the file
 * @property {string} replace
 * @property {{find: string, replace: string}[]} [also] more of it in the same file, where one place covers for another
 * @property {string[]} tests files, at least one of whose tests must go red
 * @property {string} [defines] the SQL function that the file must be the last to define
 * @property {boolean} [build] the tests run the server from `dist`
 */

/**
 * Why the fault cannot be planted in this source any more, or null when it can: the source was changed, and whoever
 * changed it changes the fault with it.
 * @param {string} root
 * @param {Fault} fault
 */
export function whyStale(root, { file, find, replace, also = [], defines }) {
  let text;
  try {
    text = readFileSync(join(root, file), 'utf8');
  } catch {
    return `${file} is not there any more`;
  }
  for (const edit of [{ find, replace }, ...also]) {
    const count = text.split(edit.find).length - 1;
    if (count !== 1) return `its text occurs ${count} times in ${file}, not once`;
    if (edit.find === edit.replace) return 'it changes nothing';
  }
  const later = defines === undefined ? null : laterDefinition(root, file, defines);
  return later === null ? null : `${later} defines ${defines} anew, so that ${file} has no effect`;
}

/** The migration after `file` that defines the function again. */
function laterDefinition(root, file, name) {
  const folder = join(root, 'prisma/migrations');
  const own = file.split('/').at(-2);
  const definition = new RegExp(`FUNCTION (public\\.)?${name}\\s*\\(`);
  return (
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name > own)
      .map(({ name: migration }) => migration)
      .sort()
      .find((migration) => {
        const text = readFileSync(join(folder, migration, 'migration.sql'), 'utf8');
        return text.split('\n').some((line) => /^\s*CREATE/.test(line) && definition.test(line));
      }) ?? null
  );
}

/** Puts the fault into the source. Answers a function that takes it out again. */
export function plant(root, { file, find, replace, also = [] }) {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  const edits = [{ find, replace }, ...also];
  writeFileSync(
    path,
    edits.reduce((all, edit) => all.replace(edit.find, () => edit.replace), text),
  );
  return () => writeFileSync(path, text);
}

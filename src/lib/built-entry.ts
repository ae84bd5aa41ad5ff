/**
 * The file to start a worker thread or a child process from. Both need JavaScript, so code that runs
 * from source (under the test runner) points at its compiled twin: `src/a/b.ts` -> `dist/a/b.js`.
 * @param importMetaUrl `import.meta.url` of the caller
 * @param relative the entry beside the caller, e.g. `./worker/main.js`
 */
export function builtEntry(importMetaUrl: string, relative: string): URL {
  const entry = new URL(relative, importMetaUrl);
  if (!importMetaUrl.endsWith('.ts')) return entry;
  const at = entry.pathname.lastIndexOf('/src/');
  entry.pathname = `${entry.pathname.slice(0, at)}/dist/${entry.pathname.slice(at + '/src/'.length)}`;
  return entry;
}

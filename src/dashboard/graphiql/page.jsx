// GraphiQL on our own files: no other host is asked for anything, so it works offline and under a CSP of
// 'self'. `workerUrls` is filled in by scripts/build-graphiql.mjs.
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { firstQuery } from './first-query.js';
import 'graphiql/style.css';
import './page.css';

globalThis.MonacoEnvironment = {
  getWorker(_workerId, label) {
    return new Worker(workerUrls[label] ?? workerUrls.editor, { type: 'module' });
  },
};

async function ask(request, { headers } = {}) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(request),
    credentials: 'omit',
  });
  return response.json();
}

createRoot(document.getElementById('page')).render(
  <GraphiQL fetcher={ask} defaultQuery={firstQuery} defaultEditorToolsVisibility="headers" />,
);

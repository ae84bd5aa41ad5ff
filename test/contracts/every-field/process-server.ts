import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import { startServer } from '../../support/server.js';
import { createClient } from './client.js';
import type { Sightings } from './selection.js';

/** What a server whose workers are processes says of itself; started for this, and stopped. */
export async function askProcessServer(schema: GraphQLSchema, sightings: Sightings): Promise<unknown> {
  const server = await startServer({ INFERENCE_WORKERS: '1', INFERENCE_ISOLATION: 'process' });
  try {
    const text = readFileSync(`${server.dataDirectory}/bootstrap.json`, 'utf8');
    const { apiKey } = JSON.parse(text) as { readonly apiKey: string };
    return await createClient(server.url, schema, sightings).query('serverInfo', apiKey);
  } finally {
    await server.stop();
  }
}

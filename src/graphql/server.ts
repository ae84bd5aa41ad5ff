import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../lib/logger.js';
import type { GraphQLContext } from './context.js';
import { maskError } from './format-error.js';
import type { Resolvers } from './generated/resolvers.js';
import { createRequestPlugin } from './request-plugin.js';

/** The contract, from the file at the top of the project: `src/graphql` and `dist/graphql` are equally deep. */
export function readSchemaText(): string {
  return readFileSync(fileURLToPath(new URL('../../schema.graphql', import.meta.url)), 'utf8');
}

export interface GraphQLServerOptions {
  readonly resolvers: Resolvers;
  /** Whether clients may ask for the schema. It is no secret, but some operators want it closed. */
  readonly introspection: boolean;
  readonly log: Logger;
}

/** A started Apollo Server. Nothing in it calls out: reporting is off whatever the environment says. */
export async function startGraphQLServer(
  options: GraphQLServerOptions,
): Promise<ApolloServer<GraphQLContext>> {
  const server = new ApolloServer<GraphQLContext>({
    typeDefs: readSchemaText(),
    resolvers: options.resolvers,
    introspection: options.introspection,
    formatError: maskError,
    logger: options.log,
    csrfPrevention: true,
    // Each mistake quotes the whole value that it is in: many, in a large value, would be a flood.
    executionOptions: { maxCoercionErrors: 5 },
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    maxRecursiveSelections: true,
    hideSchemaDetailsFromClientErrors: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
    plugins: [
      createRequestPlugin(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
  await server.start();
  return server;
}

import { ApolloServer } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled
} from "@apollo/server/plugin/disabled";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { maskError } from "./format-error.js";
import { createRequestPlugin } from "./request-plugin.js";
function readSchemaText() {
  return readFileSync(fileURLToPath(new URL("../../schema.graphql", import.meta.url)), "utf8");
}
async function startGraphQLServer(options) {
  const server = new ApolloServer({
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
    nodeEnv: "production",
    plugins: [
      createRequestPlugin(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled()
    ]
  });
  await server.start();
  return server;
}
export {
  readSchemaText,
  startGraphQLServer
};
//# sourceMappingURL=server.js.map

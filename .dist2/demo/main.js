import { createClient } from "./client.js";
import { startDemoServer } from "./server.js";
import { playStory } from "./story.js";
import { renderReport } from "./report.js";
const asJson = process.argv.includes("--json");
function narrate(line) {
  (asJson ? process.stderr : process.stdout).write(`  ${line}
`);
}
narrate("A server starts on a free port, with a data directory that goes when the story ends.");
const server = await startDemoServer(process.env);
const interrupted = () => void server.stop().finally(() => process.exit(130));
process.once("SIGINT", interrupted);
process.once("SIGTERM", interrupted);
try {
  const result = await playStory(createClient(server.url), narrate);
  process.stdout.write(asJson ? `${JSON.stringify(result)}
` : renderReport(result));
  process.exitCode = result.ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`The demo stopped: ${error instanceof Error ? error.message : String(error)}
`);
  process.exitCode = 1;
} finally {
  await server.stop();
}
//# sourceMappingURL=main.js.map

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
const START_TIMEOUT_MS = 6e4;
const STOP_TIMEOUT_MS = 15e3;
async function startDemoServer(environment) {
  const dataDirectory = await mkdtemp(join(tmpdir(), "souk-demo-"));
  const child = spawn(process.execPath, [fileURLToPath(new URL("../main.js", import.meta.url))], {
    env: { ...environment, PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDirectory, LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "pipe"]
  });
  const exited = once(child, "exit");
  let lastWords = "";
  child.stderr.setEncoding("utf8").on("data", (text) => lastWords = (lastWords + text).slice(-2e3));
  async function stop() {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const force = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(force);
    }
    await rm(dataDirectory, { recursive: true, force: true });
  }
  try {
    const url = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("The server was not ready in time.")), START_TIMEOUT_MS);
      createInterface({ input: child.stdout }).on("line", (line) => {
        const ready = /^Souk is ready at (\S+)/.exec(line);
        if (ready?.[1] === void 0) return;
        clearTimeout(late);
        resolve(ready[1]);
      });
      void exited.then(() => {
        clearTimeout(late);
        reject(new Error(`The server ended before it was ready.
${lastWords}`));
      });
    });
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
export {
  startDemoServer
};
//# sourceMappingURL=server.js.map

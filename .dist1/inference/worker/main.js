import { parentPort, workerData } from "node:worker_threads";
import { createRuntime } from "./runtimes/index.js";
import { serve } from "./serve.js";
import { threadPort } from "./thread-port.js";
if (parentPort === null)
  throw new Error("This file is the entry of a worker thread; it does not run by itself.");
await serve(threadPort(parentPort), workerData, createRuntime);
//# sourceMappingURL=main.js.map

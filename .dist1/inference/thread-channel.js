import { Worker } from "node:worker_threads";
const BYTES_PER_MEBIBYTE = 2 ** 20;
function threadChannels(options) {
  const { entry, settings, maxHeapBytes, logger } = options;
  return (name, listeners) => {
    const worker = new Worker(entry, {
      name,
      workerData: settings,
      // Nothing of ours: no secret of the server is in a worker's environment.
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(maxHeapBytes / BYTES_PER_MEBIBYTE) },
      stdout: true,
      stderr: true
    });
    logLines(worker.stdout, (text) => {
      logger.debug({ worker: name, text }, "worker output");
    });
    logLines(worker.stderr, (text) => {
      logger.warn({ worker: name, text }, "worker error output");
    });
    worker.on("message", (message) => {
      listeners.onMessage(message);
    });
    worker.on("messageerror", () => {
      listeners.onError("a message could not be read");
    });
    worker.on("error", (error) => {
      logger.error({ worker: name, err: error }, "worker failed");
      listeners.onError(
        error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "it ran out of memory" : "an unexpected error ended it"
      );
    });
    worker.on("exit", (code) => {
      listeners.onExit(code);
    });
    return {
      post: (request, transfer = []) => {
        worker.postMessage(request, [...transfer]);
      },
      terminate: () => {
        void worker.terminate();
      }
    };
  };
}
const MAX_LOGGED_CHARACTERS = 2e3;
function logLines(stream, log) {
  stream.setEncoding("utf8");
  stream.on("data", (chunk) => {
    const text = chunk.trim();
    if (text !== "") log(text.slice(0, MAX_LOGGED_CHARACTERS));
  });
}
export {
  threadChannels
};
//# sourceMappingURL=thread-channel.js.map

import { importArtifact } from "./import-artifact.js";
const PROGRESS_INTERVAL_MS = 100;
function send(message) {
  return new Promise((resolve) => {
    if (process.send === void 0) resolve();
    else
      process.send(message, () => {
        resolve();
      });
  });
}
process.on("disconnect", () => process.exit(1));
process.once("message", (request) => {
  void answer(request);
});
async function answer(request) {
  let phase = "";
  let sentAt = 0;
  const onProgress = (progress) => {
    const now = performance.now();
    if (progress.phase === phase && now - sentAt < PROGRESS_INTERVAL_MS) return;
    phase = progress.phase;
    sentAt = now;
    void send({ type: "progress", ...progress });
  };
  const result = await importArtifact(request, onProgress);
  if (result.ok) await send({ type: "done", report: result.value });
  else {
    const { code, message, subject } = result.error;
    await send({ type: "refused", code, message, subject });
  }
  process.exit(0);
}
//# sourceMappingURL=main.js.map

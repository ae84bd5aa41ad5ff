import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants, createReadStream, readFileSync } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtEntry } from "../lib/built-entry.js";
import { ok, refuse } from "../lib/result.js";
import { childMessage } from "./child/messages.js";
import { PACK_FILE_NAME } from "./pack-file.js";
const MEMORY_POLL_MS = 25;
const MIB = 1024 * 1024;
const MAX_MESSAGES = 2e4;
async function runChild(request, sandbox, onProgress, signal) {
  const child = startChild(request, sandbox);
  const ending = await watch(child, request, onProgress, signal);
  if (!ending.ok) return ending;
  return describePack(request, ending.value, sandbox);
}
function startChild(request, sandbox) {
  const entry = fileURLToPath(builtEntry(import.meta.url, "./child/main.js"));
  const heapMib = Math.max(64, Math.floor(request.maxMemoryBytes / MIB / 2));
  const command = [
    ...sandbox.prefix,
    process.execPath,
    "--disable-proto=delete",
    `--max-old-space-size=${heapMib}`,
    entry
  ];
  return spawn(command[0] ?? process.execPath, command.slice(1), {
    cwd: request.workDirectory,
    // Nothing of ours: no secrets, no proxies, no NODE_OPTIONS. TensorFlow's banners stay out of the way.
    env: { TF_CPP_MIN_LOG_LEVEL: "3" },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "json"
  });
}
function watch(child, request, onProgress, signal) {
  return new Promise((resolve) => {
    let answer = null;
    let messages = 0;
    function end(verdict) {
      answer ??= verdict;
      child.kill("SIGKILL");
    }
    const deadline = setTimeout(() => {
      end(refusal("IMPORT_TIMED_OUT", `The import took longer than ${request.timeoutMs} ms and was ended.`));
    }, request.timeoutMs);
    const memory = setInterval(() => {
      const used = residentBytes(child.pid);
      if (used !== null && used > request.maxMemoryBytes) {
        end(
          refusal(
            "IMPORT_OUT_OF_MEMORY",
            `The import needed more than ${Math.round(request.maxMemoryBytes / MIB)} MiB of memory and was ended.`
          )
        );
      }
    }, MEMORY_POLL_MS);
    const onAbort = () => {
      end(refusal("IMPORT_CANCELLED", "The import was cancelled."));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    child.on("message", (raw) => {
      if (answer !== null) return;
      const parsed = childMessage.safeParse(raw);
      if (!parsed.success || ++messages > MAX_MESSAGES) {
        end(refusal("IMPORT_CRASHED", "The import ended without a usable answer."));
        return;
      }
      const message = parsed.data;
      if (message.type === "progress") onProgress({ phase: message.phase, fraction: message.fraction });
      else if (message.type === "done") end(ok(message.report));
      else end(refuse({ code: message.code, message: message.message, subject: message.subject }));
    });
    let finished = false;
    function finish(verdict) {
      if (finished) return;
      finished = true;
      clearTimeout(deadline);
      clearInterval(memory);
      signal.removeEventListener("abort", onAbort);
      resolve(verdict);
    }
    child.on("error", (error) => {
      if (child.pid === void 0)
        finish(refusal("IMPORT_CRASHED", `The import could not be started: ${error.message}.`));
    });
    child.on("close", (code, by) => {
      finish(
        answer ?? refusal(
          "IMPORT_CRASHED",
          `The import crashed (${by ?? `exit code ${code}`}) while reading the file.`
        )
      );
    });
    child.send(
      {
        artifactPath: request.artifactPath,
        workDirectory: request.workDirectory,
        runtimes: request.runtimes
      },
      () => void 0
    );
  });
}
function refusal(code, message) {
  return refuse({ code, message, subject: null });
}
function residentBytes(pid) {
  if (pid === void 0) return null;
  try {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return line === null ? null : Number(line[1]) * 1024;
  } catch {
    return null;
  }
}
async function describePack(request, report, sandbox) {
  const packPath = join(request.workDirectory, PACK_FILE_NAME);
  const stat = await lstat(packPath).catch(() => null);
  if (stat === null || !stat.isFile())
    return refusal("IMPORT_CRASHED", "The import ended without leaving a pack.");
  const hash = createHash("sha256");
  const file = await open(packPath, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for await (const chunk of createReadStream("", { fd: file.fd, autoClose: false }))
      hash.update(chunk);
  } finally {
    await file.close();
  }
  return ok({
    ...report,
    packPath,
    packBytes: stat.size,
    packDigest: hash.digest("hex"),
    isolation: { network: sandbox.network }
  });
}
export {
  runChild
};
//# sourceMappingURL=child-process.js.map

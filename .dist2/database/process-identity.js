import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
function identify(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return null;
  }
  return { pid, startedAt: startTimeOf(pid) };
}
function isRunning(identity) {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}
function startTimeOf(pid) {
  try {
    if (process.platform === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
      return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${ticks}`;
    }
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 5e3
    }).trim();
  } catch {
    return "";
  }
}
function worksIn(pid, folder) {
  try {
    if (process.platform === "linux") return readlinkSync(`/proc/${pid}/cwd`) === folder;
    const command = execFileSync("ps", ["-o", "command=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 5e3
    });
    return command.includes(folder);
  } catch {
    return false;
  }
}
export {
  identify,
  isRunning,
  worksIn
};
//# sourceMappingURL=process-identity.js.map

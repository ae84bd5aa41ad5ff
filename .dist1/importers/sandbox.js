import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
const PROBE_TIMEOUT_MS = 3e3;
const UNSHARE = ["/usr/bin/unshare", "/bin/unshare"].find((path) => existsSync(path));
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
async function findSandbox() {
  const leash = SETPRIV === void 0 ? [] : [SETPRIV, "--pdeathsig", "KILL", "--"];
  const withLeash = leash.length > 0 && await works(leash) ? leash : [];
  if (UNSHARE !== void 0) {
    for (const options of [["--user", "--map-current-user", "--net"], ["--user", "--net"], ["--net"]]) {
      const prefix = [UNSHARE, ...options, "--", ...withLeash];
      if (await works(prefix)) return { prefix, network: "none" };
    }
  }
  return { prefix: withLeash, network: "host" };
}
function works(prefix) {
  return new Promise((resolve) => {
    const [command = "", ...rest] = prefix;
    const probe = spawn(command, [...rest, process.execPath, "--version"], {
      stdio: "ignore",
      env: {},
      timeout: PROBE_TIMEOUT_MS,
      killSignal: "SIGKILL"
    });
    probe.on("error", () => {
      resolve(false);
    });
    probe.on("exit", (code) => {
      resolve(code === 0);
    });
  });
}
export {
  findSandbox
};
//# sourceMappingURL=sandbox.js.map

import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseStartError } from "./errors.js";
import { identify, isRunning, worksIn } from "./process-identity.js";
const ATTEMPTS = 5;
function claimDataDirectory(dataDirectory) {
  const file = join(dataDirectory, "souk.pid");
  const claim = JSON.stringify({ ...identify(process.pid), claim: randomBytes(8).toString("hex") });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, claim, { mode: 384 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        linkSync(draft, file);
        return () => {
          if (read(file) === claim) rmSync(file, { force: true });
        };
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
      }
      const seen = read(file);
      if (seen === null) continue;
      const holder = parseIdentity(seen);
      if (holder !== null && isRunning(holder)) {
        throw new DatabaseStartError(
          `The data directory ${dataDirectory} is in use by another Souk (process ${holder.pid}); stop it first, or set DATA_DIR to another folder.`
        );
      }
      setAside(file, seen);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new DatabaseStartError(`The data directory ${dataDirectory} is being claimed by other processes.`);
}
function setAside(file, seen) {
  const aside = `${file}.${process.pid}.${randomBytes(4).toString("hex")}.old`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside) !== seen) {
    try {
      linkSync(aside, file);
    } catch {
    }
  }
  rmSync(aside, { force: true });
}
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
function parseIdentity(text) {
  try {
    const { pid, startedAt } = JSON.parse(text);
    return Number.isInteger(pid) && typeof startedAt === "string" ? { pid, startedAt } : null;
  } catch {
    return null;
  }
}
function runningPostmaster(cluster) {
  const pid = Number(read(join(cluster, "postmaster.pid"))?.split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !worksIn(pid, realpathSync(cluster))) return null;
  return identify(pid);
}
export {
  claimDataDirectory,
  runningPostmaster
};
//# sourceMappingURL=embedded-claim.js.map

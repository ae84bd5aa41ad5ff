import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
const NAME_PATTERN = /^([a-z0-9-]+)\.(\d+)\.[0-9a-f]{24}\.part$/;
const ORPHAN_AGE_MS = 24 * 36e5;
const host = hostname().toLowerCase().replaceAll(/[^a-z0-9]/g, "-");
const processStartMs = Date.now() - process.uptime() * 1e3;
function temporaryName() {
  return `${host}.${process.pid}.${randomBytes(12).toString("hex")}.part`;
}
async function sweepTemporaryFiles(directory, nowMs) {
  let removed = 0;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (!await isOrphan(name, path, nowMs)) continue;
    await rm(path, { force: true });
    removed++;
  }
  return removed;
}
async function isOrphan(name, path, nowMs) {
  const match = NAME_PATTERN.exec(name);
  if (match === null) return false;
  const pid = Number(match[2]);
  if (match[1] === host && !isAlive(pid)) return true;
  const found = await stat(path).catch(() => null);
  if (found === null) return false;
  const isOfEarlierProcess = match[1] === host && pid === process.pid && found.mtimeMs < processStartMs;
  return isOfEarlierProcess || nowMs - found.mtimeMs > ORPHAN_AGE_MS;
}
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
export {
  sweepTemporaryFiles,
  temporaryName
};
//# sourceMappingURL=temporary-files.js.map

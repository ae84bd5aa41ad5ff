import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { claimDataDirectory, runningPostmaster } from "./embedded-claim.js";
import { createLauncher } from "./embedded-launch.js";
import { serverSettings } from "./embedded-settings.js";
import { DatabaseStartError } from "./errors.js";
const MAJOR_VERSION = "18";
const USER = "souk";
const DATABASE = "souk";
const READY_WITHIN_MS = 6e4;
const FAST_SHUTDOWN_WITHIN_MS = 5e3;
const IMMEDIATE_SHUTDOWN_WITHIN_MS = 2e3;
const MAX_RESTART_DELAY_MS = 5e3;
const STABLE_AFTER_MS = 3e4;
const KEPT_LOG_LINES = 20;
class EmbeddedPostgres {
  #dataDirectory;
  #logger;
  #launchMode;
  #lastLines = [];
  #state = "idle";
  #launcher = null;
  #cluster = "";
  #password = "";
  #port = 0;
  #server = null;
  #exited = Promise.resolve();
  #releaseClaim = () => void 0;
  #starting = Promise.resolve();
  #restarting = Promise.resolve();
  #abort = new AbortController();
  constructor(options) {
    this.#dataDirectory = resolve(options.dataDirectory);
    this.#logger = options.logger.child({ part: "postgres" });
    this.#launchMode = options.launchMode;
  }
  /** Of the owner of the database `souk`, valid while the server runs. */
  get connectionString() {
    return this.#connectionString(DATABASE);
  }
  /** Process id of the server, for tests that end it; `null` while it is down. */
  get pid() {
    return this.#server?.pid ?? null;
  }
  /** @throws DatabaseStartError with one sentence for the operator */
  async start() {
    if (this.#state !== "idle")
      throw new Error(`An embedded Postgres that is ${this.#state} cannot be started.`);
    this.#state = "starting";
    this.#abort = new AbortController();
    try {
      this.#prepareDataDirectory();
      this.#releaseClaim = claimDataDirectory(this.#dataDirectory);
      this.#launcher = await createLauncher(this.#launchMode);
      this.#cluster = join(this.#dataDirectory, "postgres");
      this.#checkVersion();
      await this.#stopOrphan();
      if (!existsSync(join(this.#cluster, "PG_VERSION"))) await this.#initialise();
      this.#password = this.#readPassword();
      await this.#startOnFreePort();
      await this.#createDatabase();
      this.#refuseWhenStopped();
      this.#state = "running";
    } catch (error) {
      await this.#endServer();
      this.#releaseClaim();
      this.#state = "idle";
      throw error;
    }
  }
  /** Fast shutdown; after 5 s an immediate one (the next start then recovers). Never throws. */
  async stop() {
    if (this.#state === "idle") return;
    this.#abort.abort();
    await this.#starting.catch(() => void 0);
    this.#state = "stopping";
    await this.#restarting;
    await this.#endServer();
    this.#releaseClaim();
    this.#state = "idle";
  }
  #connectionString(database) {
    return `postgresql://${USER}:${this.#password}@127.0.0.1:${this.#port}/${database}`;
  }
  #prepareDataDirectory() {
    try {
      mkdirSync(this.#dataDirectory, { recursive: true, mode: 448 });
      const probe = join(this.#dataDirectory, `.write-${process.pid}`);
      writeFileSync(probe, "");
      rmSync(probe);
    } catch (error) {
      const { code } = error;
      throw new DatabaseStartError(
        `The data directory ${this.#dataDirectory} cannot be written (${code}); set DATA_DIR to a folder that this account owns.`
      );
    }
  }
  #checkVersion() {
    const file = join(this.#cluster, "PG_VERSION");
    const found = existsSync(file) ? readFileSync(file, "utf8").trim() : MAJOR_VERSION;
    if (found !== MAJOR_VERSION) {
      throw new DatabaseStartError(
        `The database in ${this.#cluster} was written by PostgreSQL ${found}, but this Souk brings PostgreSQL ${MAJOR_VERSION}; dump and restore it, or set DATABASE_URL to a PostgreSQL ${found} server.`
      );
    }
  }
  /** A server whose Souk was killed: we hold the claim, so nobody else needs it. */
  async #stopOrphan() {
    const orphan = existsSync(this.#cluster) ? runningPostmaster(this.#cluster) : null;
    if (orphan === null) {
      rmSync(join(this.#cluster, "postmaster.pid"), { force: true });
      return;
    }
    this.#logger.warn({ pid: orphan.pid }, "stopping a PostgreSQL server that an earlier Souk left behind");
    await shutDown(orphan.pid, () => runningPostmaster(this.#cluster)?.pid !== orphan.pid);
  }
  /** `initdb` into a new folder, then renamed: an interrupted one leaves no half cluster. */
  async #initialise() {
    const launcher = this.#launched();
    const passwordFile = join(this.#dataDirectory, "postgres.password");
    writeFileSync(passwordFile, randomBytes(24).toString("base64url"), { mode: 384 });
    const draft = `${this.#cluster}.new`;
    rmSync(draft, { recursive: true, force: true });
    const folder = launcher.prepareFolder(draft);
    const lent = launcher.lendFile(passwordFile);
    const child = launcher.spawn("initdb", [
      `--pgdata=${folder}`,
      `--username=${USER}`,
      `--pwfile=${lent.path}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // Postgres's own collation: the order of texts must not change with the machine's C library.
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--text-search-config=english",
      "--no-instructions"
    ]);
    this.#keepLog(child);
    const code = await exitCode(child);
    lent.giveBack();
    if (code !== 0) {
      rmSync(folder, { recursive: true, force: true });
      throw this.#startError("PostgreSQL could not create its database folder");
    }
    renameSync(draft, this.#cluster);
  }
  #readPassword() {
    const file = join(this.#dataDirectory, "postgres.password");
    try {
      return readFileSync(file, "utf8").trim();
    } catch {
      throw new DatabaseStartError(
        `The password of the embedded PostgreSQL is missing: ${file} cannot be read.`
      );
    }
  }
  #refuseWhenStopped() {
    if (this.#abort.signal.aborted)
      throw new DatabaseStartError("PostgreSQL was stopped before it was ready.");
  }
  async #startOnFreePort() {
    for (let attempt = 1; ; attempt++) {
      this.#refuseWhenStopped();
      this.#port = await freePort();
      try {
        return await this.#startServer();
      } catch (error) {
        if (attempt === 5) throw error;
        await sleep(100 * attempt);
      }
    }
  }
  async #startServer() {
    const launcher = this.#launched();
    const folder = launcher.prepareFolder(this.#cluster);
    this.#lastLines.length = 0;
    const server = launcher.spawn("postgres", ["-D", folder, ...serverSettings(this.#port)]);
    this.#keepLog(server);
    let hasExited = false;
    this.#server = server;
    this.#exited = exitCode(server).then(() => {
      hasExited = true;
      if (this.#server === server) this.#server = null;
    });
    const deadline = performance.now() + READY_WITHIN_MS;
    while (!isReady(folder, server.pid)) {
      if (hasExited) throw this.#startError("PostgreSQL could not be started");
      this.#refuseWhenStopped();
      if (performance.now() > deadline) {
        await this.#endServer();
        throw this.#startError(`PostgreSQL was not ready within ${READY_WITHIN_MS / 1e3} s`);
      }
      await sleep(10);
    }
    const readyAt = performance.now();
    void this.#exited.then(() => this.#onExit(performance.now() - readyAt));
  }
  #onExit(ranMs) {
    if (this.#state !== "running" || this.#server !== null) return;
    this.#logger.error(
      { lastLines: this.#lastLines.slice(-5) },
      "PostgreSQL ended unexpectedly; starting it again"
    );
    this.#restarting = this.#restart(ranMs < STABLE_AFTER_MS ? 100 : 0);
  }
  /** On the same port, so that every pool finds it again by itself. Goes on until it works or we stop. */
  async #restart(firstDelayMs) {
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(Math.max(delayMs, 50) * 2, MAX_RESTART_DELAY_MS)) {
      await sleep(delayMs, void 0, { signal: this.#abort.signal }).catch(() => void 0);
      if (this.#abort.signal.aborted) return;
      try {
        await this.#startServer();
        this.#logger.info("PostgreSQL runs again");
        return;
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        this.#logger.error({ err: error }, "PostgreSQL could not be started again; trying once more");
      }
    }
  }
  async #createDatabase() {
    const connectionString = this.#connectionString("postgres");
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5e3 });
    try {
      await client.connect();
      const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE]);
      if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    } finally {
      await client.end().catch(() => void 0);
    }
  }
  async #endServer() {
    const server = this.#server;
    if (server?.pid === void 0) return;
    let hasExited = false;
    void this.#exited.then(() => hasExited = true);
    await shutDown(server.pid, () => hasExited);
    await this.#exited;
  }
  #keepLog(child) {
    let rest = "";
    child.stderr?.setEncoding("utf8").on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        this.#logger.debug({ line }, "postgres");
        this.#lastLines.push(line);
      }
      this.#lastLines.splice(0, this.#lastLines.length - KEPT_LOG_LINES);
    });
  }
  #startError(what) {
    const reasons = this.#lastLines.filter((line) => /FATAL|PANIC|error|could not|cannot/i.test(line));
    const reason = (reasons.at(-1) ?? this.#lastLines.at(-1) ?? "it gave no reason").trim();
    return new DatabaseStartError(`${what} in ${this.#dataDirectory}: ${reason}`);
  }
  #launched() {
    if (this.#launcher === null) throw new Error("The embedded Postgres has no launcher before start().");
    return this.#launcher;
  }
}
function isReady(cluster, pid) {
  try {
    const lines = readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n");
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
  } catch {
    return false;
  }
}
async function shutDown(pid, isGone) {
  const steps = [
    ["SIGINT", FAST_SHUTDOWN_WITHIN_MS],
    ["SIGQUIT", IMMEDIATE_SHUTDOWN_WITHIN_MS],
    ["SIGKILL", IMMEDIATE_SHUTDOWN_WITHIN_MS]
  ];
  for (const [signal, withinMs] of steps) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline) {
      if (isGone()) return;
      await sleep(10);
    }
  }
}
function exitCode(child) {
  return new Promise((resolvePromise) => {
    child.once("error", () => resolvePromise(null));
    child.once("close", (code) => resolvePromise(code));
  });
}
async function freePort() {
  const server = createServer();
  await new Promise((resolvePromise, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolvePromise);
  });
  const { port } = server.address();
  await new Promise((resolvePromise) => server.close(resolvePromise));
  return port;
}
export {
  EmbeddedPostgres
};
//# sourceMappingURL=embedded.js.map

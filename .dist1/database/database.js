import { PrismaPg } from "@prisma/adapter-pg";
import { setTimeout as sleep } from "node:timers/promises";
import { explainStart, isDatabaseUnavailable, isSerializationConflict, isStatementLost } from "./errors.js";
import { PrismaClient } from "./generated/client.js";
import { createPool, inOneWrite, verifySession } from "./pool.js";
const MAX_RETRIES = 3;
const STOP_WITHIN_MS = 5e3;
const MAX_PREPARED_STATEMENTS = 500;
const SET_CONTEXT = `SELECT set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true),
  set_config('app.proof', $3, true), set_config('app.across_tenants', $4, true)`;
class Database {
  #logger;
  #pool;
  #prisma;
  #statementTimeoutMs;
  #statementNames = /* @__PURE__ */ new Map();
  constructor(options) {
    this.#logger = options.logger.child({ part: "database" });
    this.#statementTimeoutMs = options.statementTimeoutMs ?? 4e3;
    const connectTimeoutMs = options.connectTimeoutMs ?? 3e3;
    const transactionTimeoutMs = options.transactionTimeoutMs ?? 1e4;
    this.#pool = createPool({
      url: options.url,
      logger: this.#logger,
      maxConnections: options.maxConnections ?? 16,
      connectTimeoutMs,
      statementTimeoutMs: this.#statementTimeoutMs,
      lockTimeoutMs: options.lockTimeoutMs ?? 3e3,
      idleInTransactionTimeoutMs: transactionTimeoutMs
    });
    this.#prisma = new PrismaClient({
      adapter: new PrismaPg(this.#pool),
      errorFormat: "minimal",
      transactionOptions: { maxWait: connectTimeoutMs + 500, timeout: transactionTimeoutMs }
    });
  }
  /** @throws DatabaseStartError when the server is away, too old, or the tenants' second wall would not stand */
  async start() {
    try {
      await verifySession(this.#pool);
      await this.#prisma.$connect();
    } catch (error) {
      throw explainStart(error);
    }
  }
  /** Waits a moment for transactions under way; the server rolls back what is still open then. */
  async stop() {
    await this.#prisma.$disconnect();
    if (this.#pool.ended) return;
    const timer = new AbortController();
    const deadline = sleep(STOP_WITHIN_MS, void 0, { signal: timer.signal }).catch(() => void 0);
    await Promise.race([this.#pool.end(), deadline]);
    timer.abort();
  }
  /** Resolves when the server answers. @throws an error that `isDatabaseUnavailable` knows when it does not */
  async ping() {
    await this.#pool.query("SELECT 1");
  }
  async transaction(context, work) {
    const values = contextValues(context);
    return this.#retried(async () => {
      try {
        return await this.#prisma.$transaction(async (tx) => {
          await tx.$queryRawUnsafe(SET_CONTEXT, ...values);
          const result = await work(tx);
          if (isRefusal(result)) throw new RollBack(result);
          return result;
        });
      } catch (error) {
        if (error instanceof RollBack) return error.result;
        throw error;
      }
    });
  }
  async sql(context, work) {
    const values = contextValues(context);
    return this.#retried(
      () => this.#withClient(async (client) => {
        const query = async (text, parameters) => (await client.query(this.#prepared(text, parameters))).rows;
        let opened = Promise.resolve();
        try {
          const working = inOneWrite(client, async () => {
            opened = Promise.all(open(client, values));
            return work(query);
          });
          const [opening, worked] = await Promise.allSettled([opened, working]);
          if (opening.status === "rejected") throw opening.reason;
          if (worked.status === "rejected") throw worked.reason;
          if (isRefusal(worked.value)) await client.query("ROLLBACK");
          else await commit(client);
          return worked.value;
        } catch (error) {
          if (isOfConnection(error)) throw error;
          await client.query("ROLLBACK").catch(() => {
            throw error;
          });
          throw new Faulty(error);
        }
      })
    );
  }
  single(context) {
    const values = contextValues(context);
    return (text, parameters) => this.#retried(
      () => this.#withClient(async (client) => {
        const answer = inOneWrite(client, () => {
          const opened = open(client, values);
          const result2 = client.query(this.#prepared(text, parameters));
          return Promise.allSettled([result2, ...opened, client.query("COMMIT")]);
        });
        const [result, ...others] = await answer;
        for (const one of [...others.slice(0, 2), result, ...others.slice(2)]) {
          if (one.status === "fulfilled") continue;
          throw isOfConnection(one.reason) ? one.reason : new Faulty(one.reason);
        }
        return result.status === "fulfilled" ? result.value.rows : [];
      })
    );
  }
  /** Planned once per connection. Texts are ours and few; beyond the bound they are planned each time. */
  #prepared(text, parameters) {
    let name = this.#statementNames.get(text);
    if (name === void 0 && this.#statementNames.size < MAX_PREPARED_STATEMENTS) {
      name = `souk_${this.#statementNames.size}`;
      this.#statementNames.set(text, name);
    }
    return { text, values: [...parameters], ...name === void 0 ? {} : { name } };
  }
  /** Lends a connection. One whose transaction could not be ended is closed: the server then rolls back. */
  async #withClient(work) {
    const client = await this.#pool.connect();
    let isBroken = true;
    try {
      const result = await work(client);
      isBroken = false;
      return result;
    } catch (error) {
      if (!(error instanceof Faulty)) throw error;
      isBroken = false;
      throw error.cause;
    } finally {
      client.release(isBroken);
    }
  }
  /**
   * A conflict says only that another transaction was first, and a lost plan only that it must be made again: the same
   * work is tried again.
   */
  async #retried(attempt) {
    for (let retries = 0; ; retries++) {
      try {
        return await attempt();
      } catch (error) {
        if (retries === MAX_RETRIES || !(isSerializationConflict(error) || isStatementLost(error)))
          throw error;
        this.#logger.debug({ retries }, "a transaction is tried again");
        await sleep(5 + Math.random() * 20 * 2 ** retries);
      }
    }
  }
}
function open(client, values) {
  return [
    client.query("BEGIN"),
    client.query({ name: "souk_context", text: SET_CONTEXT, values: [...values] })
  ];
}
async function commit(client) {
  const { command } = await client.query("COMMIT");
  if (command !== "COMMIT") {
    throw new Error("The transaction was rolled back: a statement in it had failed, which was passed over.");
  }
}
function isOfConnection(error) {
  return isDatabaseUnavailable(error) || isStatementLost(error);
}
class Faulty extends Error {
  constructor(cause) {
    super("The statement failed.", { cause });
  }
}
class RollBack extends Error {
  result;
  constructor(result) {
    super("rolled back");
    this.result = result;
  }
}
function isRefusal(result) {
  return typeof result === "object" && result !== null && "ok" in result && result.ok === false;
}
function contextValues({ tenantId, userId, proof, acrossTenants }) {
  return [tenantId ?? "", userId ?? "", proof ?? "", acrossTenants === true ? "on" : ""];
}
export {
  Database
};
//# sourceMappingURL=database.js.map

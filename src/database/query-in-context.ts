/**
 * One statement for one tenant, as a transaction of its own and one exchange with PostgreSQL. In its extended protocol
 * everything up to a Sync is one transaction, which commits at the Sync: so the context travels in front of the
 * statement, and neither BEGIN nor COMMIT is sent. Four answers, of which each wakes both sides, become one.
 */
import pg from 'pg';

// All four, always: a connection that comes back must not remember for whom it acted before.
export const SET_CONTEXT = `SELECT set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true),
  set_config('app.proof', $3, true), set_config('app.across_tenants', $4, true)`;

/** Prepared on every connection before that is lent, by running it: see `prepareContext`. */
const STATEMENT = 'souk_context';

/** The statement that says for whom a transaction acts. @param values tenant, user, proof, across tenants */
export function setContext(values: readonly string[]): pg.QueryConfig {
  return { name: STATEMENT, text: SET_CONTEXT, values: [...values] };
}

/** To be sent first on a new connection. It acts for nobody, in a transaction that is over with it. */
export function prepareContext(client: pg.ClientBase): Promise<unknown> {
  return client.query(setContext(['', '', '', '']));
}

/** The parts of pg's query and connection that its types leave out. */
interface Connection {
  bind(config: { readonly statement: string; readonly values: readonly string[] }): void;
  execute(config: object): void;
}
interface QuerySteps {
  prepare(connection: Connection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: unknown): void;
}
type Callback = (error: Error | null | undefined, result: pg.QueryResult) => void;
type QueryClass = new (config: pg.QueryConfig, callback: Callback) => pg.Query & QuerySteps;

const Query = pg.Query as unknown as QueryClass;

class QueryInContext extends Query {
  readonly #context: readonly string[];
  /** What comes before is the context's answer, which nobody reads. */
  #isContextSet = false;

  constructor(context: readonly string[], config: pg.QueryConfig, callback: Callback) {
    super(config, callback);
    this.#context = context;
  }

  override prepare(connection: Connection): void {
    connection.bind({ statement: STATEMENT, values: this.#context });
    connection.execute({});
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#isContextSet) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: unknown): void {
    if (this.#isContextSet) super.handleCommandComplete(message, connection);
    this.#isContextSet = true;
  }
}

/**
 * @param context as of `setContext`
 * @param config with a name or values, so that it goes by the extended protocol
 * @throws what PostgreSQL says; nothing is committed then, and the connection is between two transactions
 */
export function queryInContext<Row extends object>(
  client: pg.ClientBase,
  context: readonly string[],
  config: pg.QueryConfig,
): Promise<pg.QueryResult<Row>> {
  return new Promise((resolve, reject) => {
    client.query(
      new QueryInContext(context, config, (error, result) => {
        if (error) reject(error);
        else resolve(result as pg.QueryResult<Row>);
      }),
    );
  });
}

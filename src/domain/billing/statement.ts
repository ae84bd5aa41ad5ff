/** What a tenant owes for a month, and what a publisher earns by it: the same lines. Pure. */

export type StatementStatus = 'OPEN' | 'CLOSED';
export type StatementLineKind = 'PREDICTIONS' | 'CORRECTIONS';

export interface StatementLine {
  readonly kind: StatementLineKind;
  /** The subscriber, who owes it. */
  readonly tenantId: string;
  /** The owner of the model, who earns it. */
  readonly ownerTenantId: string;
  /** Start of the month on whose statement it is. */
  readonly periodStart: Date;
  /** Start of the month that it is about: an earlier one for corrections that came after its closing. */
  readonly forPeriodStart: Date;
  readonly currency: string;
  readonly subscriptionId: string;
  readonly planId: string | null;
  readonly planName: string | null;
  readonly modelId: string;
  /** `owner/name`. */
  readonly modelName: string;
  readonly predictions: number;
  /** Of these: that cost nothing. */
  readonly freePredictions: number;
  readonly rows: number;
  readonly computeUs: number;
  readonly amountMicros: number;
}

export interface Statement {
  readonly periodStart: Date;
  readonly currency: string;
  readonly status: StatementStatus;
  /** `null` while it is open. */
  readonly number: number | null;
  readonly closedAt: Date | null;
  readonly amountMicros: number;
  readonly lines: readonly StatementLine[];
}

/** A subscriber's line, as the owner of the model sees it. */
export interface EarningsLine {
  readonly status: StatementStatus;
  readonly line: StatementLine;
}

export interface Earnings {
  readonly periodStart: Date;
  readonly currency: string;
  /** CLOSED once it is for every subscriber in it. */
  readonly status: StatementStatus;
  readonly amountMicros: number;
  readonly lines: readonly EarningsLine[];
}

/** What a closing did. */
export interface Closing {
  readonly periodStart: Date;
  readonly closedMonths: number;
  readonly closedStatements: number;
  readonly waitingTenants: number;
}

/** A sum as the database writes it, which may be larger than what a number holds exactly: then nobody may be billed by it. */
export function exact(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`The sum ${text} is too large to be shown to the micro.`);
  return value;
}

export function sumOf(lines: readonly Pick<StatementLine, 'amountMicros'>[]): number {
  return lines.reduce((sum, line) => sum + line.amountMicros, 0);
}

/** The largest amount first; the rest only to be the same each time. */
export function inOrder(lines: readonly StatementLine[]): StatementLine[] {
  const keyOf = (line: StatementLine) =>
    `${line.modelName} ${line.kind} ${line.subscriptionId} ${line.tenantId} ${line.forPeriodStart.toISOString()}`;
  return [...lines].sort((a, b) => b.amountMicros - a.amountMicros || (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Lines as open statements: one for each month and currency, the newest month first. */
export function openStatements(lines: readonly StatementLine[]): Statement[] {
  return groupsOf(lines, ({ periodStart, currency }) => `${periodStart.toISOString()} ${currency}`)
    .map(([first, group]): Statement => ({
      periodStart: first.periodStart,
      currency: first.currency,
      status: 'OPEN',
      number: null,
      closedAt: null,
      amountMicros: sumOf(group),
      lines: inOrder(group),
    }))
    .sort(newestFirst);
}

/** Lines of all subscribers, by currency. */
export function earningsOf(periodStart: Date, lines: readonly EarningsLine[]): Earnings[] {
  const statusOf = new Map(lines.map(({ line, status }) => [line, status]));
  return groupsOf(
    lines.map(({ line }) => line),
    ({ currency }) => currency,
  )
    .map(([{ currency }, group]): Earnings => {
      const ordered = inOrder(group).map((line) => ({ line, status: statusOf.get(line) ?? 'OPEN' }));
      return {
        periodStart,
        currency,
        status: ordered.every(({ status }) => status === 'CLOSED') ? 'CLOSED' : 'OPEN',
        amountMicros: sumOf(group),
        lines: ordered,
      };
    })
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

type MonthAndCurrency = Pick<Statement, 'periodStart' | 'currency'>;

/** By month, then by currency, both descending: the order of `statements`. */
export function newestFirst(a: MonthAndCurrency, b: MonthAndCurrency): number {
  const byMonth = b.periodStart.getTime() - a.periodStart.getTime();
  return byMonth === 0 ? Number(b.currency > a.currency) - Number(b.currency < a.currency) : byMonth;
}

/** Each with its first member, in the order in which the groups begin. */
function groupsOf<T>(items: readonly T[], keyOf: (item: T) => string): [T, T[]][] {
  const groups = new Map<string, [T, T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item, [item]]);
    else group[1].push(item);
  }
  return [...groups.values()];
}

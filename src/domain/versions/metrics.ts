/** The publisher's figures about a version. Pure. */
import { ok, refuse, type Result } from '../../lib/result.js';
import { invalidInput, type InvalidInput } from './errors.js';

/** What it measures and how much it is; Souk keeps and compares it, and does not check it. */
export interface Metric {
  readonly name: string;
  /** Finite. */
  readonly value: number;
}

const MAX_METRICS = 100;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_./@-]{0,63}$/;

/** Sorted by name. Refuses too many, a name that is no name or comes twice, and what is no finite number. */
export function checkMetrics(metrics: readonly Metric[]): Result<readonly Metric[], InvalidInput> {
  if (metrics.length > MAX_METRICS) {
    return refuse(
      invalidInput(['metrics'], `${metrics.length} metrics were given; at most ${MAX_METRICS} are kept.`),
    );
  }
  const names = new Set<string>();
  for (const [i, { name, value }] of metrics.entries()) {
    const at = (field: string) => ['metrics', String(i), field];
    if (!NAME.test(name)) {
      return refuse(
        invalidInput(
          at('name'),
          'The name of a metric is 1 to 64 letters, digits and _ . - / @, beginning with a letter or digit.',
        ),
      );
    }
    if (names.has(name)) return refuse(invalidInput(at('name'), `The metric ${name} is given twice.`));
    if (!Number.isFinite(value)) {
      return refuse(invalidInput(at('value'), `The metric ${name} must be a finite number.`));
    }
    names.add(name);
  }
  const sorted = metrics.map(({ name, value }) => ({ name, value }));
  return ok(sorted.sort((a, b) => (a.name < b.name ? -1 : 1)));
}

/** As the tables keep them. */
export function metricsFromJson(json: unknown): readonly Metric[] {
  return json as readonly Metric[];
}

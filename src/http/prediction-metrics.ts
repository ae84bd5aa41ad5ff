/**
 * What predictions took, by model and tenant. `/metrics` is for operators, yet pages of numbers travel far: a tenant
 * is labelled with its id, which means nothing to whoever cannot look it up. A model has its name, `owner/name`.
 */
import { Counter, type Registry } from 'prom-client';
import { createBoundedSeries, type SeriesLimits } from './bounded-series.js';
import { createHistogramFamily, type HistogramSeries } from './histogram-family.js';

/** What one prediction that ran took. */
export interface RunObservation {
  /** `owner/name`. */
  readonly model: string;
  readonly runtime: string;
  readonly queueMs: number;
  readonly batchMs: number;
  readonly loadMs: number;
  readonly computeMs: number;
  /** Requests that shared the run. */
  readonly batchSize: number;
}

export interface PredictionObservation {
  /** `OK`, `REPLAYED`, or the code of the refusal; `FAULT` when it threw. */
  readonly outcome: string;
  readonly tenantId: string;
  readonly totalMs: number;
  /** `null` unless it ran and was charged. */
  readonly run: RunObservation | null;
}

export interface PredictionMetrics {
  observe(observation: PredictionObservation): void;
  render(): string;
}

/** From a quarter of a millisecond, a tiny model, to a minute, a large one that waits. */
const SECONDS = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const REQUESTS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** A series of all families is about 110 lines of the page: some 15,000 at the most. */
export const SERIES_LIMITS: SeriesLimits = { maxPairs: 100, maxPairsPerTenant: 25, maxTenants: 50 };

interface PairSeries {
  readonly total: HistogramSeries;
  readonly queue: HistogramSeries;
  readonly batch: HistogramSeries;
  readonly load: HistogramSeries;
  readonly compute: HistogramSeries;
  readonly size: HistogramSeries;
}

export function createPredictionMetrics(
  registry: Registry,
  limits: SeriesLimits = SERIES_LIMITS,
): PredictionMetrics {
  const seconds = (name: string, help: string) => createHistogramFamily({ name, help, buckets: SECONDS });
  const total = seconds(
    'souk_prediction_duration_seconds',
    'Predictions that ran and were charged, from the resolver to the durable receipt.',
  );
  const queue = seconds(
    'souk_prediction_queue_seconds',
    'Time that predictions waited from admission until they were picked for a run.',
  );
  const batch = seconds(
    'souk_prediction_batch_seconds',
    'Of the time in the queue, the part in which predictions waited only for company in their batch.',
  );
  const load = seconds(
    'souk_prediction_load_seconds',
    'Time that predictions waited for their model to be loaded; only those that had to wait.',
  );
  const compute = seconds(
    'souk_prediction_compute_seconds',
    'Time of the run that answered a prediction, shared by all requests of its batch.',
  );
  const size = createHistogramFamily({
    name: 'souk_prediction_batch_requests',
    help: 'Requests that shared the run of a prediction, itself included.',
    buckets: REQUESTS,
  });
  const uncharged = seconds(
    'souk_prediction_uncharged_duration_seconds',
    'Predictions that were refused, replayed or failed, by outcome.',
  );
  const families = [total, queue, batch, load, compute, size, uncharged];

  const outcomes = new Map<string, number>();
  const engines = new Map<string, number>();
  countFrom(registry, outcomes, 'outcome', {
    name: 'souk_predictions_total',
    help: 'Predictions by outcome: OK, REPLAYED, FAULT, or the code of the refusal.',
  });
  countFrom(registry, engines, 'runtime', {
    name: 'souk_predictions_run_total',
    help: 'Predictions that ran and were charged, by engine.',
  });

  const seriesOf = createBoundedSeries<PairSeries>(limits, (labels) => ({
    total: total.series(labels),
    queue: queue.series(labels),
    batch: batch.series(labels),
    load: load.series(labels),
    compute: compute.series(labels),
    size: size.series(labels),
  }));
  // Codes of refusals are ours, so there are a dozen.
  const byOutcome = new Map<string, HistogramSeries>();

  return Object.freeze({
    observe({ outcome, tenantId, totalMs, run }: PredictionObservation): void {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (run === null) {
        let series = byOutcome.get(outcome);
        if (series === undefined) byOutcome.set(outcome, (series = uncharged.series({ outcome })));
        series.observe(totalMs / 1000);
        return;
      }
      engines.set(run.runtime, (engines.get(run.runtime) ?? 0) + 1);
      const series = seriesOf(run.model, tenantId);
      series.total.observe(totalMs / 1000);
      series.queue.observe(run.queueMs / 1000);
      series.batch.observe(run.batchMs / 1000);
      if (run.loadMs > 0) series.load.observe(run.loadMs / 1000);
      series.compute.observe(run.computeMs / 1000);
      series.size.observe(run.batchSize);
    },
    render: () => families.map((family) => family.render()).join(''),
  });
}

/** A counter whose numbers are kept by whoever counts, and read when the page is asked for. */
function countFrom(
  registry: Registry,
  counts: ReadonlyMap<string, number>,
  label: string,
  { name, help }: { readonly name: string; readonly help: string },
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of counts) this.labels(value).inc(count);
    },
  });
}

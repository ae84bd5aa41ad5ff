/**
 * Prometheus metrics. Labels hold route patterns, outcome codes and engine names only, never a tenant, a
 * model or a path as sent: the number of series stays small, and the page tells nothing about tenants.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface PredictionObservation {
  /** `OK`, or the code of the refusal; `FAULT` when it threw. */
  readonly outcome: string;
  readonly runtime?: string;
  readonly queueMs?: number;
  readonly computeMs?: number;
  readonly totalMs: number;
}

export interface Metrics {
  /** The page, in Prometheus' text format, and its content type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  observeRequest(method: string, route: string, status: number, durationMs: number): void;
  observePrediction(observation: PredictionObservation): void;
  /** Values read when the page is asked for. */
  observePool(
    read: () => { readonly queued: number; readonly workers: readonly { readonly state: string }[] },
  ): void;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'souk_http_request_duration_seconds',
    help: 'HTTP requests by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const predictions = new Counter({
    name: 'souk_predictions_total',
    help: 'Predictions by outcome: OK, or the code of the refusal.',
    labelNames: ['outcome'],
    registers,
  });
  const total = new Histogram({
    name: 'souk_prediction_duration_seconds',
    help: 'Predictions from the resolver to the durable receipt.',
    buckets: SECONDS,
    registers,
  });
  const queue = new Histogram({
    name: 'souk_prediction_queue_seconds',
    help: 'Time that predictions waited for a worker.',
    buckets: SECONDS,
    registers,
  });
  const compute = new Histogram({
    name: 'souk_prediction_compute_seconds',
    help: 'Time that a worker ran the model, by engine.',
    labelNames: ['runtime'],
    buckets: SECONDS,
    registers,
  });
  return Object.freeze({
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    observeRequest: (method: string, route: string, status: number, durationMs: number) => {
      const known = METHODS.has(method) ? method : 'OTHER';
      requests.labels(known, route, String(status)).observe(durationMs / 1000);
    },
    observePrediction: ({ outcome, runtime, queueMs, computeMs, totalMs }: PredictionObservation) => {
      predictions.labels(outcome).inc();
      total.observe(totalMs / 1000);
      if (queueMs !== undefined) queue.observe(queueMs / 1000);
      if (computeMs !== undefined) compute.labels(runtime ?? 'unknown').observe(computeMs / 1000);
    },
    observePool: (read: Parameters<Metrics['observePool']>[0]) => {
      registerPoolGauges(registry, read);
    },
  });
}

function registerPoolGauges(registry: Registry, read: Parameters<Metrics['observePool']>[0]): void {
  new Gauge({
    name: 'souk_pool_queued',
    help: 'Predictions that wait for a worker now.',
    registers: [registry],
    collect() {
      this.set(read().queued);
    },
  });
  new Gauge({
    name: 'souk_pool_workers',
    help: 'Workers of the inference pool by state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { state } of read().workers) this.labels(state).inc();
    },
  });
}

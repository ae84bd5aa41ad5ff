/**
 * Prometheus metrics: HTTP by route, predictions by outcome, and by model and tenant within bounds, the pool, and the
 * process (memory, event loop, garbage) as prom-client reads it. Labels never hold a path or a method as sent.
 */
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { registerPoolMetrics, type PoolReading } from './pool-metrics.js';
import { createPredictionMetrics, type PredictionObservation } from './prediction-metrics.js';

export type { PoolReading } from './pool-metrics.js';
export type { PredictionObservation } from './prediction-metrics.js';

export interface Metrics {
  /** The page, in Prometheus' text format, and its content type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  observeRequest(method: string, route: string, status: number, durationMs: number): void;
  /** Costs less than 2 µs: it is part of every prediction. */
  observePrediction(observation: PredictionObservation): void;
  /** Values read when the page is asked for. Called once. */
  observePool(read: () => PoolReading): void;
}

const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'souk_http_request_duration_seconds',
    help: 'HTTP requests by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_SECONDS,
    registers: [registry],
  });
  const predictions = createPredictionMetrics(registry);
  let readPool = (): void => undefined;

  return Object.freeze({
    async render() {
      readPool();
      const text = `${await registry.metrics()}\n${predictions.render()}`;
      return { contentType: registry.contentType, text };
    },
    observeRequest(method: string, route: string, status: number, durationMs: number) {
      const known = METHODS.has(method) ? method : 'OTHER';
      requests.labels(known, route, String(status)).observe(durationMs / 1000);
    },
    observePrediction: (observation: PredictionObservation) => predictions.observe(observation),
    observePool(read: () => PoolReading) {
      readPool = registerPoolMetrics(registry, read);
    },
  });
}

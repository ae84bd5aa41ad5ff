import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
const SECONDS = [1e-3, 25e-4, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const METHODS = /* @__PURE__ */ new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "souk_http_request_duration_seconds",
    help: "HTTP requests by method, route pattern and status.",
    labelNames: ["method", "route", "status"],
    buckets: SECONDS,
    registers
  });
  const predictions = new Counter({
    name: "souk_predictions_total",
    help: "Predictions by outcome: OK, or the code of the refusal.",
    labelNames: ["outcome"],
    registers
  });
  const total = new Histogram({
    name: "souk_prediction_duration_seconds",
    help: "Predictions from the resolver to the durable receipt.",
    buckets: SECONDS,
    registers
  });
  const queue = new Histogram({
    name: "souk_prediction_queue_seconds",
    help: "Time that predictions waited for a worker.",
    buckets: SECONDS,
    registers
  });
  const compute = new Histogram({
    name: "souk_prediction_compute_seconds",
    help: "Time that a worker ran the model, by engine.",
    labelNames: ["runtime"],
    buckets: SECONDS,
    registers
  });
  return Object.freeze({
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    observeRequest: (method, route, status, durationMs) => {
      const known = METHODS.has(method) ? method : "OTHER";
      requests.labels(known, route, String(status)).observe(durationMs / 1e3);
    },
    observePrediction: ({ outcome, runtime, queueMs, computeMs, totalMs }) => {
      predictions.labels(outcome).inc();
      total.observe(totalMs / 1e3);
      if (queueMs !== void 0) queue.observe(queueMs / 1e3);
      if (computeMs !== void 0) compute.labels(runtime ?? "unknown").observe(computeMs / 1e3);
    },
    observePool: (read) => {
      registerPoolGauges(registry, read);
    }
  });
}
function registerPoolGauges(registry, read) {
  new Gauge({
    name: "souk_pool_queued",
    help: "Predictions that wait for a worker now.",
    registers: [registry],
    collect() {
      this.set(read().queued);
    }
  });
  new Gauge({
    name: "souk_pool_workers",
    help: "Workers of the inference pool by state.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { state } of read().workers) this.labels(state).inc();
    }
  });
}
export {
  createMetrics
};
//# sourceMappingURL=metrics.js.map

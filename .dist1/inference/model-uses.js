const FADES_WITHIN_MS = 1e4;
const HOT_SCORE = 8;
const ACTIVE_SCORE = 0.5;
const MAX_MODELS = 1024;
function createModelUses() {
  const models = /* @__PURE__ */ new Map();
  const scoreAt = ({ score, atMs }, nowMs) => score * Math.exp((atMs - nowMs) / FADES_WITHIN_MS);
  return Object.freeze({
    record(use, requests, nowMs) {
      const { version } = use;
      const known = models.get(version);
      const score = (known === void 0 ? 0 : scoreAt(known, nowMs)) + requests;
      models.delete(version);
      models.set(version, { use, score, atMs: nowMs });
      const oldest = models.keys().next();
      if (models.size > MAX_MODELS && oldest.done !== true) models.delete(oldest.value);
    },
    hot: (nowMs) => [...models.values()].filter((model) => scoreAt(model, nowMs) >= HOT_SCORE).map(({ use }) => use),
    active: (nowMs) => [...models].filter(([, model]) => scoreAt(model, nowMs) >= ACTIVE_SCORE).map(([version]) => version)
  });
}
export {
  createModelUses
};
//# sourceMappingURL=model-uses.js.map

const systemClock = Object.freeze({
  now: () => /* @__PURE__ */ new Date(),
  monotonicMs: () => performance.now()
});
export {
  systemClock
};
//# sourceMappingURL=clock.js.map

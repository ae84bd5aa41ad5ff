function periodOf(instant) {
  const year = instant.getUTCFullYear();
  const month = instant.getUTCMonth();
  return { start: utcMonth(year, month), end: utcMonth(year, month + 1) };
}
function utcMonth(year, month) {
  const start = /* @__PURE__ */ new Date(0);
  start.setUTCFullYear(year, month, 1);
  return start;
}
function withinPeriod({ start, end }, instant) {
  return new Date(Math.max(start.getTime(), Math.min(instant.getTime(), end.getTime() - 1)));
}
function remainingOf(limit, used, reserved) {
  return limit === null ? null : Math.max(0, limit - used - reserved);
}
function admits(limit, used, reserved, units) {
  return limit === null || used + reserved + units <= limit;
}
function quotaOf(subject, subjectId, counter, period) {
  return {
    subject,
    subjectId,
    ...counter,
    remaining: remainingOf(counter.limit, counter.used, counter.reserved),
    periodStart: period.start,
    resetsAt: period.end
  };
}
export {
  admits,
  periodOf,
  quotaOf,
  remainingOf,
  withinPeriod
};
//# sourceMappingURL=quota.js.map

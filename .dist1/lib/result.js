function ok(value) {
  return { ok: true, value };
}
function refuse(error) {
  return { ok: false, error };
}
function unreachable(value) {
  throw new Error(`Unreachable case: ${JSON.stringify(value)}`);
}
export {
  ok,
  refuse,
  unreachable
};
//# sourceMappingURL=result.js.map

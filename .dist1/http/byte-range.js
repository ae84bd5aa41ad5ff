const SINGLE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;
function parseRange(header, totalBytes) {
  const match = header === void 0 ? null : SINGLE_RANGE.exec(header.replaceAll(" ", ""));
  const [, first = "", last = ""] = match ?? [];
  if (match === null || first === "" && last === "") return null;
  if (first === "") {
    const suffixBytes = Math.min(Number(last), totalBytes);
    return suffixBytes === 0 ? "unsatisfiable" : { start: totalBytes - suffixBytes, end: totalBytes - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return null;
  if (start >= totalBytes) return "unsatisfiable";
  return { start, end: last === "" ? totalBytes - 1 : Math.min(Number(last), totalBytes - 1) };
}
export {
  parseRange
};
//# sourceMappingURL=byte-range.js.map

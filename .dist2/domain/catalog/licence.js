import { createRequire } from "node:module";
const load = createRequire(import.meta.url);
const CURRENT = load("spdx-license-ids");
const DEPRECATED = load("spdx-license-ids/deprecated.json");
const BY_LOWER_CASE = new Map(
  [...DEPRECATED, ...CURRENT].map((id) => [id.toLowerCase(), id])
);
function skeleton(text) {
  return text.toLowerCase().replace(/\b(the|licen[cs]e|version|v(?=\d))/g, " ").replace(/v(?=\d)/g, "").replace(/[^a-z0-9]+/g, "").replace(/0+$/, "");
}
function canonicalLicence(text) {
  return BY_LOWER_CASE.get(text.toLowerCase()) ?? null;
}
function nearestLicence(text) {
  if (text.length > 60) return null;
  const wanted = skeleton(text);
  if (wanted === "") return null;
  let best = null;
  for (const id of CURRENT) {
    const candidate = skeleton(id.replace(/-only$/, ""));
    const distance = editDistance(wanted, candidate);
    const isNearer = best === null || distance < best.distance || distance === best.distance && id.length < best.id.length;
    if (isNearer) best = { id, distance };
  }
  return best !== null && best.distance <= Math.floor(wanted.length / 3) ? best.id : null;
}
function editDistance(a, b) {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
export {
  canonicalLicence,
  nearestLicence
};
//# sourceMappingURL=licence.js.map

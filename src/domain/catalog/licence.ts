/** SPDX licence identifiers: the list is SPDX's own, the reading is forgiving, what is kept is canonical. */
import { createRequire } from 'node:module';

// Loaded by require: an import attribute for JSON would tie the build to one syntax of it.
const load = createRequire(import.meta.url);
const CURRENT = load('spdx-license-ids') as readonly string[];
const DEPRECATED = load('spdx-license-ids/deprecated.json') as readonly string[];

const BY_LOWER_CASE: ReadonlyMap<string, string> = new Map(
  [...DEPRECATED, ...CURRENT].map((id) => [id.toLowerCase(), id]),
);

/** What people write, without what they add: `The Apache License, v2.0` and `Apache-2.0` become `apache2`. */
function skeleton(text: string): string {
  return text
    .toLowerCase()
    .replace(/\b(the|licen[cs]e|version|v(?=\d))/g, ' ')
    .replace(/v(?=\d)/g, '')
    .replace(/[^a-z0-9]+/g, '')
    .replace(/0+$/, '');
}

/** The canonical spelling of an identifier given in any case; `null` when there is none. */
export function canonicalLicence(text: string): string | null {
  return BY_LOWER_CASE.get(text.toLowerCase()) ?? null;
}

/** The identifier that was probably meant; `null` when none is near. Of equally near ones the shortest: `GPLv3` gives GPL-3.0-only. */
export function nearestLicence(text: string): string | null {
  // Long texts are no slip of the pen, and the distance below is quadratic.
  if (text.length > 60) return null;
  const wanted = skeleton(text);
  if (wanted === '') return null;
  let best: { id: string; distance: number } | null = null;
  for (const id of CURRENT) {
    const candidate = skeleton(id.replace(/-only$/, ''));
    const distance = editDistance(wanted, candidate);
    const isNearer =
      best === null || distance < best.distance || (distance === best.distance && id.length < best.id.length);
    if (isNearer) best = { id, distance };
  }
  return best !== null && best.distance <= Math.floor(wanted.length / 3) ? best.id : null;
}

/** Levenshtein's: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
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

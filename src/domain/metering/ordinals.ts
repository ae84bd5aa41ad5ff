/** The places in the month of a subscription that a lease may hand out: ranges of whole numbers. */

/** Sorted, apart from each other; `from` inclusive, `to` exclusive. */
export type Ordinals = { from: number; to: number }[];

/** @param text a multirange of Postgres, e.g. `{[1,6),[9,12)}` */
export function parseOrdinals(text: string): Ordinals {
  return [...text.matchAll(/\[(\d+),(\d+)\)/g)].map(([, from, to]) => ({
    from: Number(from),
    to: Number(to),
  }));
}

export function formatOrdinals(ordinals: Ordinals): string {
  return `{${ordinals.map(({ from, to }) => `[${from},${to})`).join(',')}}`;
}

export function addOrdinals(ordinals: Ordinals, more: Ordinals): void {
  ordinals.push(...more);
  ordinals.sort((a, b) => a.from - b.from);
  for (let i = ordinals.length - 1; i > 0; i--) {
    const [before, after] = [ordinals[i - 1], ordinals[i]];
    if (before === undefined || after === undefined || before.to < after.from) continue;
    before.to = Math.max(before.to, after.to);
    ordinals.splice(i, 1);
  }
}

/** Takes the lowest. @throws when there is none: leases hold one for each unit */
export function takeLowest(ordinals: Ordinals): number {
  const [first] = ordinals;
  if (first === undefined) throw new Error('A lease of a subscription has a place for each of its units.');
  const taken = first.from;
  first.from += 1;
  if (first.from === first.to) ordinals.shift();
  return taken;
}

/** Takes the `count` highest: what is given back is not what is handed out next. */
export function takeHighest(ordinals: Ordinals, count: number): Ordinals {
  const taken: Ordinals = [];
  let rest = count;
  while (rest > 0) {
    const last = ordinals.at(-1);
    if (last === undefined) break;
    const from = Math.max(last.from, last.to - rest);
    taken.unshift({ from, to: last.to });
    rest -= last.to - from;
    last.to = from;
    if (last.from === last.to) ordinals.pop();
  }
  return taken;
}

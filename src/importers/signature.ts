/** Names that callers use: the author's, without TensorFlow's output number, each once. */

/** `serving_default_x:0` -> `serving_default_x` where that stays unique; a repeated name gets `_1`, `_2`, … */
export function publicNames(names: readonly string[]): string[] {
  const bare = names.map((name) => name.replace(/:0$/, ''));
  const taken = new Set<string>();
  return bare.map((wanted) => {
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    return name;
  });
}

/** A shape as Keras and tfjs write it (`null` or negative for free) in our words (-1 for free). */
export function freeAsMinusOne(shape: readonly (number | null)[]): number[] {
  return shape.map((dimension) => (dimension === null || dimension < 0 ? -1 : dimension));
}

/**
 * Which named weight belongs to which layer. Names differ between Keras versions and savers
 * (`dense/kernel:0`, `digits/dense/kernel`, `bidirectional/forward_lstm/lstm_cell/kernel`), so a weight is
 * recognised by the last step of its name together with the layers on its way; where that does not decide,
 * by Keras's order.
 */
import type { FlatLayer } from './keras-graph.js';
import type { ExpectedWeight } from './keras-rules.js';
import type { FindWeights, FoundWeight } from './keras-topology.js';
import { refuseImport } from './refused.js';

/**
 * @param group the top-level layer (or model) that the weights were listed for
 * @param members the layers inside it, in Keras's order
 */
export function createNamedWeights(
  group: string,
  members: readonly FlatLayer[],
  listed: readonly FoundWeight[],
): FindWeights {
  const byName = new Map<ExpectedWeight, FoundWeight>();
  let complete = true;
  const claimed = new Set<FoundWeight>();
  for (const layer of members) {
    for (const want of layer.translated.weights) {
      const candidates = listed.filter((weight) => matches(weight, want, layer, members.length > 1));
      const [only] = candidates;
      if (candidates.length !== 1 || only === undefined || claimed.has(only)) {
        complete = false;
        continue;
      }
      claimed.add(only);
      byName.set(want, only);
    }
  }
  const assignment = complete ? byName : byOrder(group, members, listed);
  return (layer) =>
    layer.translated.weights.flatMap((want) => {
      const weight = assignment.get(want);
      return weight === undefined ? [] : [weight];
    });
}

function matches(weight: FoundWeight, want: ExpectedWeight, layer: FlatLayer, isNested: boolean): boolean {
  const steps = weight.name.replace(/:\d+$/, '').split('/');
  const last = steps.at(-1);
  const leaf = want.name.slice(want.name.lastIndexOf('/') + 1);
  if (last !== want.sourceName && last !== leaf) return false;
  if (want.part.startsWith('forward_layer') && !steps.some((step) => step.startsWith('forward_')))
    return false;
  if (want.part.startsWith('backward_layer') && !steps.some((step) => step.startsWith('backward_')))
    return false;
  return !isNested || steps.slice(0, -1).includes(layer.name);
}

/** Keras lists trainable weights first, then the others, each in the order of the layers. */
function byOrder(
  group: string,
  members: readonly FlatLayer[],
  listed: readonly FoundWeight[],
): ReadonlyMap<ExpectedWeight, FoundWeight> {
  const all = members.flatMap((layer) => layer.translated.weights);
  const expected = [...all.filter((want) => want.trainable), ...all.filter((want) => !want.trainable)];
  // Seeds of random layers are saved among the weights and mean nothing to a prediction.
  const usable = listed.filter((weight) => !/seed_generator_state|(^|\/)count(:\d+)?$/.test(weight.name));
  if (usable.length !== expected.length) {
    const names = usable
      .slice(0, 6)
      .map((weight) => `"${weight.name}"`)
      .join(', ');
    refuseImport(
      'CORRUPT_ARTIFACT',
      group,
      `Layer "${group}" needs ${expected.length} weights (${expected
        .slice(0, 6)
        .map((want) => want.sourceName)
        .join(', ')}); ` + `the file lists ${usable.length}${usable.length === 0 ? '' : ` (${names})`}.`,
    );
  }
  return new Map(expected.map((want, i): [ExpectedWeight, FoundWeight] => [want, usable[i] as FoundWeight]));
}

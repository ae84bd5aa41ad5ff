/** What the lowering of one layer is given, and what it gives back. */
import type { Value } from '../graph-builder.js';
import type { Ops } from '../ops.js';

/** One use of a layer. */
export interface LayerCall {
  /** The layer's name, for refusals. */
  readonly subject: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly ops: Ops;
  /** At least one. */
  readonly inputs: readonly Value[];
  /** Of each input: true where a time step counts; shape [batch, time]. */
  readonly masks: readonly (Value | null)[];
  /** Tensors given by name; empty when not given. */
  named(name: string): readonly Value[];
  option(name: string): unknown;
  hasWeight(name: string): boolean;
  /** @throws NotLowered when the layer has no such weight */
  weight(name: string): Value;
}

export interface LayerResult {
  readonly outputs: readonly Value[];
  /** The mask that goes with the outputs; absent: none. */
  readonly mask?: Value | null;
}

/** @throws NotLowered naming the layer */
export type LowerLayer = (call: LayerCall) => LayerResult;

/** A layer of one input and one output, without a mask of its own. */
export function single(lower: (x: Value, call: LayerCall) => Value): LowerLayer {
  return (call) => ({ outputs: [lower(first(call), call)] });
}

export function first(call: LayerCall): Value {
  const [x] = call.inputs;
  if (x === undefined) throw new Error(`Layer ${call.subject} is used without an input.`);
  return x;
}

/**
 * A Keras model as the lowering takes it: flat, checked by whoever read the file. Classes, options and weights have
 * Keras's names; `config` holds an option in the one form that the reader gives it (lists for sizes, names for
 * activations).
 */

export interface LayerOutput {
  /** Id of a layer. */
  readonly layer: string;
  /** Which use of the layer, and which of that use's outputs. */
  readonly call: number;
  readonly tensor: number;
}

export interface LayerUse {
  readonly inputs: readonly LayerOutput[];
  /** Tensors given by name, such as `initial_state` or `key`. */
  readonly named?: Readonly<Record<string, readonly LayerOutput[]>>;
  /** Plain values given at this use, such as `use_causal_mask`. */
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface LayerWeight {
  /** Within the layer, e.g. `kernel` or `forward_rnn/kernel`; `<id>/<name>` in the model's weight list. */
  readonly name: string;
  readonly shape: readonly number[];
}

export interface ModelLayer {
  /** Unique in the model. */
  readonly id: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: readonly LayerWeight[];
  readonly uses: readonly LayerUse[];
}

export interface LayersModel {
  readonly layers: readonly ModelLayer[];
  /** Of `InputLayer`s, whose config has `batch_input_shape` and `dtype`. */
  readonly inputs: readonly LayerOutput[];
  readonly outputs: readonly LayerOutput[];
}

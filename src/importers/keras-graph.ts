/**
 * A Keras model, flat: every layer once, nested models dissolved into their parent, each call with the
 * tensors it reads. One shape for Sequential and Functional, Keras 2 and 3, so everything after this
 * point (weights, topology, signature) has one case instead of eight.
 */
import { isBuiltInName } from './json.js';
import type { TranslatedLayer } from './keras-rules.js';
import { refuseImport } from './refused.js';

export interface TensorRef {
  readonly layer: FlatLayer;
  readonly call: number;
  readonly tensor: number;
  /** The argument that it is given as; absent for the inputs themselves. */
  readonly argument?: string;
}

export interface FlatLayer {
  /** Unique in the model and safe for tfjs-layers; the original name where it can be. */
  readonly id: string;
  /** As the author named it. */
  readonly name: string;
  /** Keras's class. */
  readonly className: string;
  /** Names from the outermost nested model inwards, ending with the layer's own. */
  readonly path: readonly string[];
  /** The same way in a `.keras` weights file, where siblings are numbered by class. */
  readonly weightsPath: readonly string[];
  readonly translated: TranslatedLayer;
  /** For each time the layer is used, what it reads; empty lists for an input layer. */
  readonly calls: TensorRef[][];
  /** For each call, the plain values that it is made with. */
  readonly options: Readonly<Record<string, unknown>>[];
}

export interface FlatModel {
  readonly layers: readonly FlatLayer[];
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
  /** Why tfjs-layers cannot compute it, as a sentence; `null` when it can. */
  readonly beyondTfjs: string | null;
}

const SAFE_ID = /^[A-Za-z0-9][-A-Za-z0-9._/]*$/;

/** Gives each layer an id: its own name where that is free, acceptable to tfjs-layers, and no built-in property. */
export function createLayerIds(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    const usable = SAFE_ID.test(name) && name.length <= 200 && !isBuiltInName(name);
    const base = usable ? name : `layer_${name.replace(/[^A-Za-z0-9._]/g, '_').slice(0, 100)}`;
    let id = base;
    for (let i = 1; taken.has(id); i++) id = `${base}_${i}`;
    taken.add(id);
    return id;
  };
}

/** Layers through which a mask travels in tfjs-layers as it does in Keras, verified on fixtures. */
const MASK_SAFE = new Set([
  'InputLayer',
  'Embedding',
  'Masking',
  'LSTM',
  'SimpleRNN',
  'GRU',
  'Dropout',
  'Dense',
  'Activation',
]);

/**
 * Finds a layer that a mask would reach and that treats it differently from Keras in tfjs-layers: the answer would be
 * wrong without any error. A sentence, or `null`.
 */
export function maskProblem(model: Pick<FlatModel, 'layers'>): string | null {
  const masked = new Set<string>();
  for (const { layer, call } of callsInOrder(model)) {
    const { className, config } = layer.translated;
    const reached = (layer.calls[call] ?? []).some((ref) => masked.has(callKey(ref.layer, ref.call)));
    if (reached && !MASK_SAFE.has(className)) {
      return `Layer "${layer.name}" (${layer.className}) would receive a mask, which tfjs-layers applies in another way than Keras.`;
    }
    const isRecurrent = className === 'LSTM' || className === 'SimpleRNN' || className === 'GRU';
    const passesOn = reached && (!isRecurrent || config['return_sequences'] === true);
    const starts = className === 'Masking' || (className === 'Embedding' && config['mask_zero'] === true);
    if (passesOn || starts) masked.add(callKey(layer, call));
  }
  return null;
}

export interface LayerCall {
  readonly layer: FlatLayer;
  readonly call: number;
}

function callKey(layer: FlatLayer, call: number): string {
  return `${call} ${layer.id}`;
}

/** Calls so that each comes after those it reads. @throws Refused when they form a circle */
export function callsInOrder(model: Pick<FlatModel, 'layers'>): readonly LayerCall[] {
  const all = model.layers.flatMap((layer) => layer.calls.map((_, call): LayerCall => ({ layer, call })));
  const missing = new Map<string, number>();
  const readers = new Map<string, LayerCall[]>();
  for (const reader of all) {
    const sources = new Set(
      (reader.layer.calls[reader.call] ?? []).map((ref) => callKey(ref.layer, ref.call)),
    );
    missing.set(callKey(reader.layer, reader.call), sources.size);
    for (const source of sources) {
      const known = readers.get(source);
      if (known === undefined) readers.set(source, [reader]);
      else known.push(reader);
    }
  }
  const ordered = all.filter(({ layer, call }) => missing.get(callKey(layer, call)) === 0);
  for (let at = 0; at < ordered.length; at++) {
    const done = ordered[at] as LayerCall;
    for (const reader of readers.get(callKey(done.layer, done.call)) ?? []) {
      const key = callKey(reader.layer, reader.call);
      const left = (missing.get(key) ?? 0) - 1;
      missing.set(key, left);
      if (left === 0) ordered.push(reader);
    }
  }
  const stuck = all.find(({ layer, call }) => (missing.get(callKey(layer, call)) ?? 0) > 0);
  if (stuck !== undefined) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      stuck.layer.name,
      `Layer "${stuck.layer.name}" depends on its own output.`,
    );
  }
  return ordered;
}

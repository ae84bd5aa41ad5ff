/** Every layer that is lowered, by Keras's class. To add one: write its function, add its row, run the tests. */
import { ACTIVATION_LAYERS } from './activations.js';
import { ATTENTION_LAYERS } from './attention.js';
import { CATEGORICAL_LAYERS } from './categorical.js';
import { convolutionalLstm } from './conv-lstm.js';
import { CONVOLUTION_LAYERS } from './convolutions.js';
import { DENSE_LAYERS } from './dense.js';
import type { LowerLayer } from './layer.js';
import { MERGING_LAYERS } from './merging.js';
import { NORMALIZATION_LAYERS } from './normalization.js';
import { POOLING_LAYERS } from './pooling.js';
import { RECURRENT_LAYERS } from './recurrent.js';
import { RESHAPING_LAYERS } from './reshaping.js';
import { timeDistributed } from './time-distributed.js';

const LAYERS: ReadonlyMap<string, LowerLayer> = new Map<string, LowerLayer>([
  ...Object.entries(DENSE_LAYERS),
  ...Object.entries(CONVOLUTION_LAYERS),
  ...Object.entries(POOLING_LAYERS),
  ...Object.entries(NORMALIZATION_LAYERS),
  ...Object.entries(ACTIVATION_LAYERS),
  ...Object.entries(RESHAPING_LAYERS),
  ...Object.entries(MERGING_LAYERS),
  ...Object.entries(RECURRENT_LAYERS),
  ['ConvLSTM1D', convolutionalLstm(1)],
  ['ConvLSTM2D', convolutionalLstm(2)],
  ['ConvLSTM3D', convolutionalLstm(3)],
  ...Object.entries(ATTENTION_LAYERS),
  ...Object.entries(CATEGORICAL_LAYERS),
  ['TimeDistributed', timeDistributed((className) => findLayer(className))],
]);

export function findLayer(className: string): LowerLayer | null {
  return LAYERS.get(className) ?? null;
}

export const LOWERED_LAYERS: readonly string[] = [...LAYERS.keys()];

/**
 * What becomes of a mask (true where a time step counts) in layers that do not read it, as in Keras. `passes`: the
 * output has it too. A layer in neither list refuses a mask: what Keras does there is not written down here.
 */
export const MASK_PASSES: ReadonlySet<string> = new Set([
  'Dropout', 'Dense', 'Activation', 'ReLU', 'LeakyReLU', 'ELU', 'PReLU', 'BatchNormalization', 'LayerNormalization',
]); // prettier-ignore

export const MASK_READ: ReadonlySet<string> = new Set([
  'Embedding', 'Masking', 'SimpleRNN', 'LSTM', 'GRU', 'Bidirectional', 'GlobalAveragePooling1D', 'TimeDistributed',
  'Attention', 'AdditiveAttention', 'MultiHeadAttention', 'GroupQueryAttention',
]); // prettier-ignore

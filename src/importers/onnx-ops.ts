/**
 * The ONNX operators that may run, by domain: arithmetic on tensors, nothing else. Not on the list although the
 * standard has them: `ImageDecoder` (parses pictures), `RegexFullMatch` (a stranger's pattern), `DictVectorizer`
 * and `CastMap` (maps as inputs, which the API has not).
 */
const STANDARD = `
  Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool
  BatchNormalization Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow
  Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant
  ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT DeformConv DepthToSpace
  DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten
  Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
  GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax
  Identity If InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log
  LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean
  MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss
  NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow
  QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal RandomNormalLike
  RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
  ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence
  RoiAlign RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt
  SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink
  Sigmoid Sign SimplifiedLayerNormalization Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split
  SplitToSequence Sqrt Squeeze StringConcat StringNormalizer StringSplit Sub Sum Swish Tan Tanh
  TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where
  Xor
`;

const MACHINE_LEARNING = `
  ArrayFeatureExtractor Binarizer CategoryMapper FeatureVectorizer Imputer LabelEncoder LinearClassifier
  LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble
  TreeEnsembleClassifier TreeEnsembleRegressor
`;

/**
 * What optimisers, quantisation tools and exporters write. Not here: generation loops (`BeamSearch`, `Sampling`, …),
 * mixtures of experts, kernels that share buffers between inputs and outputs, and what no public model
 * was seen to use.
 */
const CONTRIBUTED = `
  Attention BiasGelu CDist ConvTransposeWithDynamicPads CropAndResize DequantizeLinear DynamicQuantizeLSTM
  DynamicQuantizeMatMul EmbedLayerNormalization ExpandDims FastGelu FusedConv FusedGemm FusedMatMul
  GatherBlockQuantized GatherND Gelu GridSample GroupQueryAttention Inverse MatMulBnb4 MatMulInteger16
  MatMulIntegerToFloat MatMulNBits MaxpoolWithMask MultiHeadAttention NGramRepeatBlock NhwcMaxPool Pad
  QAttention QEmbedLayerNormalization QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv
  QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearSigmoid QLinearSoftmax QLinearWhere
  QuantizeLinear QuickGelu Range RotaryEmbedding SkipLayerNormalization SkipSimplifiedLayerNormalization Tokenizer
  TransposeMatMul Trilu UnfoldTensor Unique WordConvEmbedding
`;

function names(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/).filter((name) => name !== ''));
}

/** By domain; the standard one is `''`. */
export const ONNX_OPS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['', names(STANDARD)],
  ['ai.onnx.ml', names(MACHINE_LEARNING)],
  ['com.microsoft', names(CONTRIBUTED)],
]);

/** The newest versions of operators that are read. */
export const NEWEST_OPSET: ReadonlyMap<string, number> = new Map([
  ['', 28],
  ['ai.onnx.ml', 5],
  ['com.microsoft', 1],
]);
export const NEWEST_IR_VERSION = 14;

/**
 * The newest that the runtime loads; newer ones are written down to these. That changes no answer: 27 and 28 brought
 * new operators, which are not on the list above, and to old ones only datatypes and attributes that the runtime
 * refuses by name; the IR version 14 brought fields, which are not read.
 */
export const ENGINE_OPSET = 26;
export const ENGINE_IR_VERSION = 13;

/** Operators whose output is as large as the values of an input say, or as many as are found. */
export const SHAPED_BY_VALUES: ReadonlySet<string> = new Set([
  'Compress',
  'Loop',
  'NonMaxSuppression',
  'NonZero',
  'StringSplit',
  'Unique',
  'com.microsoft.Unique',
]);

/** The only operators that carry graphs of their own. */
export const OPS_WITH_GRAPHS: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);

/** `ai.onnx` is the long name of the standard domain. */
export function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

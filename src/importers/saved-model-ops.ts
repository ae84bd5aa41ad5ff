/**
 * The ops of TensorFlow that a SavedModel may compute with: pure functions of their inputs, and reading
 * variables. Nothing here touches a file, the network, another process, the clock or a log. To add an op,
 * read its kernel: it must depend on its inputs and attributes only, and keep nothing between runs.
 */
const COMPUTE = `
  Abs Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation All Angle Any ApproximateEqual
  ArgMax ArgMin AsString Asin Asinh Assert Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul BatchMatMulV2
  BatchMatMulV3 BatchNormWithGlobalNormalization BatchToSpace BatchToSpaceND BesselI0 BesselI0e BesselI1
  BesselI1e Betainc BiasAdd BiasAddV1 Bincount Bitcast BitwiseAnd BitwiseOr BitwiseXor BlockLSTM BlockLSTMV2
  BroadcastArgs BroadcastTo Bucketize Case Cast Ceil CheckNumerics Cholesky ClipByValue CombinedNonMaxSuppression
  Complex ComplexAbs Concat ConcatOffset ConcatV2 Conj ConjugateTranspose Const Conv Conv2D Conv2DBackpropInput
  Conv3D Conv3DBackpropInputV2 Cos Cosh CropAndResize Cross Cumprod Cumsum CumulativeLogsumexp
  DataFormatDimMap DataFormatVecPermute DenseBincount DepthToSpace DepthwiseConv2dNative Dequantize Diag
  DiagPart Digamma Dilation2D Div DivNoNan DynamicPartition DynamicStitch Einsum Elu Empty EmptyTensorList
  EnsureShape Enter Equal Erf Erfc Erfinv EuclideanNorm Exit Exp ExpandDims Expm1 ExtractImagePatches
  ExtractVolumePatches FFT FFT2D FFT3D FakeParam FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
  FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2
  FusedBatchNormV3 FusedPadConv2D GRUBlockCell Gather GatherNd GatherV2 Greater GreaterEqual GuaranteeConst
  HSVToRGB HistogramFixedWidth IFFT IFFT2D IFFT3D IRFFT IRFFT2D IRFFT3D Identity IdentityN If Igamma Igammac
  Imag ImageProjectiveTransformV2 ImageProjectiveTransformV3 InTopK InTopKV2 Inv Invert InvertPermutation
  IsFinite IsInf IsNan L2Loss LRN LSTMBlockCell LeakyRelu LeftShift Less LessEqual Lgamma LinSpace ListDiff
  Log Log1p LogMatrixDeterminant LogSoftmax LogicalAnd LogicalNot LogicalOr LoopCond LowerBound MatMul
  MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2
  MatrixDiagV3 MatrixInverse MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve MatrixTriangularSolve
  Max MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Maximum Mean Merge Min Minimum MirrorPad Mod Mul MulNoNan
  Multinomial Ndtri Neg NextIteration NoOp NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3
  NonMaxSuppressionV4 NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps NotEqual NthElement OneHot OnesLike
  Pack Pad PadV2 ParallelDynamicStitch ParameterizedTruncatedNormal PartitionedCall Placeholder
  PlaceholderWithDefault Polygamma PopulationCount Pow PreventGradient Prod Qr QuantizeAndDequantizeV2
  QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 RFFT RFFT2D RFFT3D RGBToHSV RaggedBincount
  RaggedGather RaggedRange RaggedTensorFromVariant RaggedTensorToSparse RaggedTensorToTensor
  RaggedTensorToVariant RandomGamma RandomPoissonV2 RandomShuffle RandomStandardNormal RandomUniform
  RandomUniformInt Range Rank ReadVariableOp Real RealDiv Reciprocal Relu Relu6 Reshape ResizeArea ResizeBicubic
  ResizeBilinear ResizeNearestNeighbor ResourceGather ResourceGatherNd Reverse ReverseSequence ReverseV2
  RightShift Rint Roll Round Rsqrt ScaleAndTranslate ScatterNd ScatterNdNonAliasingAdd SegmentMax SegmentMean
  SegmentMin SegmentProd SegmentSum Select SelectV2 SelfAdjointEigV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh
  Size Slice Snapshot Softmax Softplus Softsign SpaceToBatch SpaceToBatchND SpaceToDepth SparseBincount
  SparseConcat SparseFillEmptyRows SparseReduceSum SparseReorder SparseReshape SparseSegmentMean
  SparseSegmentMeanWithNumSegments SparseSegmentSqrtN SparseSegmentSqrtNWithNumSegments SparseSegmentSum
  SparseSegmentSumWithNumSegments SparseSlice SparseSoftmax SparseTensorDenseMatMul SparseToDense Split SplitV
  Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall StatelessCase StatelessIf StatelessMultinomial
  StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomNormal StatelessRandomNormalV2
  StatelessRandomUniform StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2
  StatelessTruncatedNormal StatelessTruncatedNormalV2 StatelessWhile StopGradient StridedSlice StringFormat
  StringJoin StringLength StringLower StringNGrams StringSplit StringSplitV2 StringStrip StringToHashBucketFast
  StringToHashBucketStrong StringToNumber StringUpper Sub Substr Sum Svd Switch Tan Tanh TensorArrayCloseV3
  TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3
  TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3 TensorListConcat TensorListConcatLists TensorListConcatV2
  TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem TensorListLength
  TensorListPopBack TensorListPushBack TensorListReserve TensorListResize TensorListScatter
  TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack TensorScatterAdd TensorScatterMax
  TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile TopK TopKV2 Transpose
  TridiagonalMatMul TridiagonalSolve TruncateDiv TruncateMod TruncatedNormal Unique UniqueV2 UniqueWithCounts
  UniqueWithCountsV2 Unpack UnravelIndex UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd
  UnsortedSegmentSum UpperBound VarHandleOp VariableShape Where While Xdivy Xlog1py Xlogy ZerosLike Zeta
`;

/** Change variables: left over from training. Harmless where no signature reaches them, because they are not kept. */
const TRAINING = `
  AssignAddVariableOp AssignSubVariableOp AssignVariableOp DisableCopyOnRead RngReadAndSkip RngSkip
  StatefulStandardNormalV2 StatefulUniform StatefulUniformFullInt StatefulUniformInt VarIsInitializedOp
`;

/** What TensorFlow saves and restores variables with. Its own restore is written in their place. */
const SAVER = `
  MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch StringJoin
`;

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/).filter((op) => op !== ''));

export const SAVED_MODEL_OPS = setOf(COMPUTE);
export const TRAINING_OPS = setOf(TRAINING);
export const SAVER_OPS = setOf(SAVER);

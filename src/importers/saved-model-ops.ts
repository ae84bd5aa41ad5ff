/**
 * The ops of TensorFlow that a SavedModel may compute with: functions of their inputs, and reading variables and tables.
 * Nothing here touches a file, the network, another process, the clock or a log. To add an op, read its kernel: it must
 * depend on its inputs and attributes only, and keep nothing between runs. Left out on purpose although they look pure:
 * what maps files or reads them by an attribute (ImmutableConst, DecodeProtoV2, EncodeProto), what unpacks without a
 * bound (DecodeCompressed, UncompressElement), queues, batching and datasets, which keep something between runs, and the
 * Quantized… kernels, which few models use and which have failed on odd shapes too often.
 * Regular expressions are RE2's: their time is linear, whatever the pattern.
 */
const COMPUTE = `
  Abs Acos Acosh Add AddN AddV2 AdjustContrast AdjustContrastv2 AdjustHue AdjustSaturation All Angle Any
  ApproxTopK ApproximateEqual ArgMax ArgMin AsString Asin Asinh Assert Atan Atan2 Atanh AudioMicrofrontend
  AudioSpectrogram AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BandedTriangularSolve BatchCholesky
  BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchMatrixBandPart BatchMatrixDeterminant BatchMatrixDiag
  BatchMatrixDiagPart BatchMatrixInverse BatchMatrixSetDiag BatchMatrixSolve BatchMatrixSolveLs
  BatchMatrixTriangularSolve BatchNormWithGlobalNormalization BatchNormWithGlobalNormalizationGrad
  BatchSelfAdjointEigV2 BatchSvd BatchToSpace BatchToSpaceND BesselI0 BesselI0e BesselI1 BesselI1e BesselJ0
  BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Betainc BiasAdd BiasAddGrad BiasAddV1
  Bincount Bitcast BitwiseAnd BitwiseOr BitwiseXor BlockLSTM BlockLSTMGrad BlockLSTMGradV2 BlockLSTMV2
  BroadcastArgs BroadcastGradientArgs BroadcastTo Bucketize CTCBeamSearchDecoder CTCGreedyDecoder CTCLoss
  Case Cast Ceil CheckNumerics Cholesky CholeskyGrad ClipByValue CombinedNonMaxSuppression Complex
  ComplexAbs ComputeAccidentalHits Concat ConcatOffset ConcatV2 Conj ConjugateTranspose Const Conv Conv2D
  Conv2DBackpropFilter Conv2DBackpropInput Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInput
  Conv3DBackpropInputV2 Cos Cosh CropAndResize CropAndResizeGradBoxes CropAndResizeGradImage Cross Cumprod
  Cumsum CumulativeLogsumexp DataFormatDimMap DataFormatVecPermute Dawsn DecodeAndCropJpeg DecodeBase64
  DecodeBmp DecodeCSV DecodeGif DecodeImage DecodeJSONExample DecodeJpeg DecodePaddedRaw DecodePng DecodeRaw
  DecodeWav DenseBincount DenseCountSparseOutput DenseToDenseSetOperation DenseToSparseSetOperation
  DepthToSpace DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput
  Dequantize DeviceIndex Diag DiagPart Digamma Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput
  Div DivNoNan DrawBoundingBoxes DrawBoundingBoxesV2 DynamicPartition DynamicStitch EditDistance Eig Einsum
  Elu EluGrad Empty EmptyTensorList EmptyTensorMap EncodeBase64 EncodeJpeg EncodePng EncodeWav EnsureShape
  Enter Equal Erf Erfc Erfinv EuclideanNorm Exit Exp ExpandDims Expint Expm1 ExtractGlimpse ExtractGlimpseV2
  ExtractImagePatches ExtractJpegShape ExtractVolumePatches FFT FFT2D FFT3D FakeParam
  FakeQuantWithMinMaxArgs FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVars
  FakeQuantWithMinMaxVarsGradient FakeQuantWithMinMaxVarsPerChannel
  FakeQuantWithMinMaxVarsPerChannelGradient Fill Fingerprint Floor FloorDiv FloorMod For FractionalAvgPool
  FractionalAvgPoolGrad FractionalMaxPool FractionalMaxPoolGrad FresnelCos FresnelSin FusedBatchNorm
  FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 FusedBatchNormV2 FusedBatchNormV3
  FusedPadConv2D FusedResizeAndPadConv2D GRUBlockCell GRUBlockCellGrad Gather GatherNd GatherV2 Greater
  GreaterEqual GuaranteeConst HSVToRGB HashTable HashTableV2 HistogramFixedWidth IFFT IFFT2D IFFT3D IRFFT
  IRFFT2D IRFFT3D Identity IdentityN If Igamma IgammaGradA Igammac Imag ImageProjectiveTransformV2
  ImageProjectiveTransformV3 InTopK InTopKV2 InplaceAdd InplaceSub InplaceUpdate Inv InvGrad Invert
  InvertPermutation IsFinite IsInf IsNan IsotonicRegression L2Loss LRN LRNGrad LSTMBlockCell
  LSTMBlockCellGrad LeakyRelu LeakyReluGrad LeftShift Less LessEqual Lgamma LinSpace ListDiff Log Log1p
  LogMatrixDeterminant LogSoftmax LogicalAnd LogicalNot LogicalOr LookupTableExportV2 LookupTableFind
  LookupTableFindV2 LookupTableSize LookupTableSizeV2 LoopCond LowerBound Lu MatMul MatrixBandPart
  MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3
  MatrixInverse MatrixLogarithm MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve MatrixSolveLs
  MatrixSquareRoot MatrixTriangularSolve Max MaxPool MaxPool3D MaxPool3DGrad MaxPool3DGradGrad MaxPoolGrad
  MaxPoolGradGrad MaxPoolGradGradV2 MaxPoolGradV2 MaxPoolGradWithArgmax MaxPoolV2 MaxPoolWithArgmax Maximum
  Mean Merge Mfcc Min Minimum MirrorPad MirrorPadGrad Mod Mul MulNoNan Multinomial MutableDenseHashTableV2
  MutableHashTableV2 Ndtri NearestNeighbors Neg NextAfter NextIteration NoOp NonMaxSuppression
  NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5
  NonMaxSuppressionWithOverlaps NotEqual NthElement OneHot OnesLike Pack Pad PadV2 ParallelConcat
  ParallelDynamicStitch ParameterizedTruncatedNormal ParseExample ParseExampleV2 ParseSequenceExample
  ParseSequenceExampleV2 ParseSingleExample ParseSingleSequenceExample PartitionedCall Placeholder
  PlaceholderWithDefault Polygamma PopulationCount Pow PreventGradient Prod Qr QuantizeAndDequantize
  QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeAndDequantizeV4Grad
  QuantizeV2 RFFT RFFT2D RFFT3D RGBToHSV RaggedBincount RaggedCountSparseOutput RaggedCross
  RaggedFillEmptyRows RaggedGather RaggedRange RaggedTensorFromVariant RaggedTensorToSparse
  RaggedTensorToTensor RaggedTensorToVariant RaggedTensorToVariantGradient RandomCrop RandomGamma
  RandomGammaGrad RandomIndexShuffle RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal
  RandomUniform RandomUniformInt Range Rank ReadVariableOp Real RealDiv Reciprocal ReciprocalGrad ReduceJoin
  RefEnter RefExit RefIdentity RefMerge RefNextIteration RefSelect RefSwitch RegexFullMatch RegexReplace
  Relu Relu6 Relu6Grad ReluGrad Reshape ResizeArea ResizeBicubic ResizeBicubicGrad ResizeBilinear
  ResizeBilinearGrad ResizeNearestNeighbor ResizeNearestNeighborGrad ResourceGather ResourceGatherNd Reverse
  ReverseSequence ReverseV2 RightShift Rint Roll Round Rsqrt RsqrtGrad SampleDistortedBoundingBox
  SampleDistortedBoundingBoxV2 ScaleAndTranslate ScaleAndTranslateGrad ScatterNd ScatterNdNonAliasingAdd
  SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum Select SelectV2 SelfAdjointEig SelfAdjointEigV2
  Selu SeluGrad SetSize Shape ShapeN Sigmoid SigmoidGrad Sign Sin Sinh Size Slice Snapshot SobolSample
  Softmax SoftmaxCrossEntropyWithLogits Softplus SoftplusGrad Softsign SoftsignGrad SpaceToBatch
  SpaceToBatchND SpaceToDepth SparseAdd SparseAddGrad SparseBincount SparseConcat SparseCountSparseOutput
  SparseCross SparseCrossHashed SparseCrossV2 SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul
  SparseFillEmptyRows SparseFillEmptyRowsGrad SparseMatMul SparseReduceMax SparseReduceMaxSparse
  SparseReduceSum SparseReduceSumSparse SparseReorder SparseReshape SparseSegmentMean SparseSegmentMeanGrad
  SparseSegmentMeanWithNumSegments SparseSegmentSqrtN SparseSegmentSqrtNGrad
  SparseSegmentSqrtNWithNumSegments SparseSegmentSum SparseSegmentSumGrad SparseSegmentSumWithNumSegments
  SparseSlice SparseSliceGrad SparseSoftmax SparseSoftmaxCrossEntropyWithLogits SparseSparseMaximum
  SparseSparseMinimum SparseSplit SparseTensorDenseAdd SparseTensorDenseMatMul SparseToDense
  SparseToSparseSetOperation Spence Split SplitV Sqrt SqrtGrad Square SquaredDifference Squeeze
  StatefulPartitionedCall StatelessCase StatelessIf StatelessMultinomial
  StatelessParameterizedTruncatedNormal StatelessRandomBinomial StatelessRandomGammaV2
  StatelessRandomGammaV3 StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg
  StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
  StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
  StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessSampleDistortedBoundingBox StatelessShuffle
  StatelessTruncatedNormal StatelessTruncatedNormalV2 StatelessWhile StaticRegexFullMatch StaticRegexReplace
  StopGradient StridedSlice StridedSliceGrad StringFormat StringJoin StringLength StringLower StringNGrams
  StringSplit StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast StringToHashBucketStrong
  StringToNumber StringUpper Sub Substr Sum Svd Switch Tan Tanh TanhGrad TensorArrayCloseV3
  TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3
  TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3 TensorListConcat TensorListConcatLists
  TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem
  TensorListLength TensorListPopBack TensorListPushBack TensorListPushBackBatch TensorListReserve
  TensorListResize TensorListScatter TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem
  TensorListSplit TensorListStack TensorMapErase TensorMapHasKey TensorMapInsert TensorMapLookup
  TensorMapSize TensorMapStackKeys TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub
  TensorScatterUpdate TensorStridedSliceUpdate Tile TileGrad TopK TopKV2 Transpose TridiagonalMatMul
  TridiagonalSolve TruncateDiv TruncateMod TruncatedNormal UnicodeDecode UnicodeDecodeWithOffsets
  UnicodeEncode UnicodeScript UnicodeTranscode Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack
  UnravelIndex UnsortedSegmentJoin UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd
  UnsortedSegmentSum UpperBound VarHandleOp Variable VariableShape VariableV2 Where While Xdivy Xlog1py
  Xlogy ZerosLike Zeta
`;

/** Change variables: left over from training. Harmless where no signature reaches them, because they are not kept. */
const TRAINING = `
  ApplyAdaMax ApplyAdadelta ApplyAdagrad ApplyAdagradDA ApplyAdagradV2 ApplyAdam ApplyAddSign
  ApplyCenteredRMSProp ApplyFtrl ApplyFtrlV2 ApplyGradientDescent ApplyMomentum ApplyPowerSign
  ApplyProximalAdagrad ApplyProximalGradientDescent ApplyRMSProp Assign AssignAdd AssignAddVariableOp
  AssignSub AssignSubVariableOp AssignVariableOp CountUpTo DisableCopyOnRead IsVariableInitialized
  LookupTableInsert LookupTableInsertV2 LookupTableRemoveV2 ResourceApplyAdaMax ResourceApplyAdadelta
  ResourceApplyAdagrad ResourceApplyAdagradDA ResourceApplyAdagradV2 ResourceApplyAdam
  ResourceApplyAdamWithAmsgrad ResourceApplyAddSign ResourceApplyCenteredRMSProp ResourceApplyFtrl
  ResourceApplyFtrlV2 ResourceApplyGradientDescent ResourceApplyKerasMomentum ResourceApplyMomentum
  ResourceApplyPowerSign ResourceApplyProximalAdagrad ResourceApplyProximalGradientDescent
  ResourceApplyRMSProp ResourceCountUpTo ResourceScatterAdd ResourceScatterDiv ResourceScatterMax
  ResourceScatterMin ResourceScatterMul ResourceScatterNdAdd ResourceScatterNdMax ResourceScatterNdMin
  ResourceScatterNdSub ResourceScatterNdUpdate ResourceScatterSub ResourceScatterUpdate
  ResourceSparseApplyAdadelta ResourceSparseApplyAdagrad ResourceSparseApplyAdagradDA
  ResourceSparseApplyAdagradV2 ResourceSparseApplyCenteredRMSProp ResourceSparseApplyFtrl
  ResourceSparseApplyFtrlV2 ResourceSparseApplyKerasMomentum ResourceSparseApplyMomentum
  ResourceSparseApplyProximalAdagrad ResourceSparseApplyProximalGradientDescent ResourceSparseApplyRMSProp
  ResourceStridedSliceAssign RngReadAndSkip RngSkip ScatterAdd ScatterDiv ScatterMax ScatterMin ScatterMul
  ScatterNdAdd ScatterNdMax ScatterNdMin ScatterNdSub ScatterNdUpdate ScatterSub ScatterUpdate
  SparseApplyAdadelta SparseApplyAdagrad SparseApplyAdagradDA SparseApplyAdagradV2
  SparseApplyCenteredRMSProp SparseApplyFtrl SparseApplyFtrlV2 SparseApplyMomentum
  SparseApplyProximalAdagrad SparseApplyProximalGradientDescent SparseApplyRMSProp StatefulRandomBinomial
  StatefulStandardNormal StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform
  StatefulUniformFullInt StatefulUniformInt StridedSliceAssign VarIsInitializedOp
`;

/** What TensorFlow saves and restores variables with. Its own restore is written in their place. */
const SAVER = `
  LookupTableImport LookupTableImportV2 MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename
`;

/** Fill tables when a SavedModel is loaded; nowhere else. */
const TABLE_INIT = `
  InitializeTable InitializeTableFromTextFile InitializeTableFromTextFileV2 InitializeTableV2 LookupTableImport
  LookupTableImportV2
`;

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/).filter((op) => op !== ''));

export const SAVED_MODEL_OPS = setOf(COMPUTE);
export const TRAINING_OPS = setOf(TRAINING);
export const SAVER_OPS = setOf(SAVER);
export const TABLE_INIT_OPS = setOf(TABLE_INIT);
/** Fill a table from a text file of the SavedModel: replaced by constants. */
export const TEXT_FILE_OPS = setOf('InitializeTableFromTextFile InitializeTableFromTextFileV2');
/** What holds something that a restore or an initialiser puts there; only the main graph may have it. */
export const VARIABLE_OPS = setOf('VarHandleOp Variable VariableV2');
export const TABLE_OPS = setOf('HashTable HashTableV2 MutableDenseHashTableV2 MutableHashTableV2');

/**
 * What an artifact may ask for at most. Each bound is checked before the memory it speaks of is taken.
 * They are far above what real models need and far below what hurts; the memory limit and the deadline
 * of the child stand behind them.
 */
const MIB = 1024 * 1024;

export const IMPORT_LIMITS = Object.freeze({
  /** Files in an archive: a 2 GiB TFJS model in 4 MiB shards has 512. */
  maxArchiveEntries: 2048,
  /** Everything in an archive together, unpacked. */
  maxUnpackedBytes: 4096 * MIB,
  /** Unpacked over packed; trained weights hardly compress, bombs reach 1000 and more. */
  maxExpansion: 100,
  /** Up to here any expansion is allowed: small files of zeros are harmless. */
  expansionFloorBytes: 16 * MIB,
  /** Entries above this size are unpacked to a numbered file in the work directory, not into memory. */
  memoryEntryBytes: 64 * MIB,
  /**
   * Everything that a job has on disk: unpacked entries, weights, the pack, and an engine's copy of it.
   * The parent looks now and then; a single file is bounded by the kernel where the job is jailed.
   */
  maxJobBytes: 10 * 1024 * MIB,
  maxNameLength: 1024,
  /** One JSON document: config.json, model.json, the attribute model_config. */
  maxJsonBytes: 64 * MIB,
  maxJsonDepth: 200,
  maxLayers: 5000,
  /** Uses of layers, nested models unfolded. */
  maxLayerCalls: 20_000,
  maxModelNesting: 12,
  maxGraphNodes: 100_000,
  maxTensors: 50_000,
  maxRank: 8,
  maxInputs: 64,
  /** Elements of one input with free dimensions taken as 1; 2^28 float32 are 1 GiB. */
  maxInputElements: 2 ** 28,
  maxWeightBytes: 2048 * MIB,
  /** One ONNX file with its weights inside: protobuf ends at 2 GiB, and the rest of the graph needs room. */
  maxOnnxBytes: 2047 * MIB,
  /** Depth of groups in an HDF5 file, and objects in it. */
  maxHdf5Depth: 24,
  maxHdf5Objects: 100_000,
  /** Rows of a dataset are read in pieces of about this size, so the WASM heap stays small. */
  hdf5PieceBytes: 16 * MIB,
});

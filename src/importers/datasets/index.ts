export { openDatasetFile, textsOf, type DatasetFile } from './dataset-file.js';
export { createDatasetReader, type DatasetReader } from './dataset-reader.js';
export { DATASET_LIMITS } from './limits.js';
export { DATASET_FORMATS, IMAGE_COLORS } from './types.js';
export type {
  ClassCount,
  DatasetColumn,
  DatasetFormat,
  DatasetOptions,
  DatasetRefusal,
  DatasetRefusalCode,
  DatasetReport,
  DatasetRequest,
  ImageColor,
  LabelKind,
  ReadDataset,
} from './types.js';

/** What a dataset may ask for at most; each bound is checked before the memory it speaks of is taken. */
const MIB = 1024 * 1024;

export const DATASET_LIMITS = Object.freeze({
  maxRows: 1_000_000,
  /** Features of a table, arrays of an NPZ. */
  maxColumns: 4_096,
  /** Of the canonical form. */
  maxBytes: 1024 * MIB,
  /** Files in an archive of pictures, its folders included. */
  maxArchiveEntries: 200_000,
  /** Pixels of one picture as it is stored; a PNG of a few bytes can promise a gigapixel. */
  maxPicturePixels: 64 * MIB,
  /** Side that pictures are resized to. */
  maxSide: 4_096,
  /** One cell or string. */
  maxTextBytes: 65_536,
  maxLabelCharacters: 200,
  maxNameCharacters: 200,
  /** More different labels than this are no classes. */
  maxClasses: 1_000,
  maxFindings: 50,
  /** Of a `.npy` header: NumPy itself writes a few hundred bytes. */
  maxNpyHeaderBytes: 65_536,
});

/** Bytes -> what they are -> a converted model, its weights not yet read. Runs no engine. */
import { openSync } from 'node:fs';
import { unreachable } from '../lib/result.js';
import { readTar } from './archive-tar.js';
import { readZip } from './archive-zip.js';
import { fileSource } from './byte-source.js';
import type { ConvertedModel } from './converted-model.js';
import { readKerasH5 } from './keras-h5.js';
import { readKerasZip } from './keras-zip.js';
import { readOnnx, readOnnxArchive } from './onnx.js';
import { readSavedModel } from './saved-model.js';
import { sniffArchive, sniffContainer } from './sniff.js';
import type { ModelFormat } from './types.js';
import { isTfjsModelJson, readTfjs } from './tfjs.js';

/**
 * The artifact's file stays open, because weights are read from it later; the process is thrown away.
 * @param onContainerRead called when the container is unpacked and the model in it will be checked, with what it is
 *   as far as the container tells
 * @throws Refused
 */
export async function readArtifact(
  artifactPath: string,
  workDirectory: string,
  onContainerRead: (format: ModelFormat | null) => void,
): Promise<ConvertedModel> {
  const fd = openSync(artifactPath, 'r');
  const source = fileSource(fd);
  const container = sniffContainer(source);
  if (container === 'HDF5') {
    onContainerRead('KERAS_H5');
    return readKerasH5(source);
  }
  if (container === 'ONNX') {
    onContainerRead('ONNX');
    return readOnnx(source);
  }
  const archive =
    container === 'ZIP'
      ? await readZip(fd, source.size, workDirectory)
      : await readTar(fd, source.size, container === 'GZIP', workDirectory);
  onContainerRead(null);
  const content = sniffArchive([...archive.files.keys()], (name) => isTfjsModelJson(archive, name));
  // Of TFJS there are two kinds, which only the model says.
  if (content.kind !== 'TFJS') onContainerRead(content.kind);
  switch (content.kind) {
    case 'KERAS_V3':
      return readKerasZip(archive);
    case 'TFJS':
      return readTfjs(archive, content.modelJson, content.base);
    case 'SAVED_MODEL':
      return readSavedModel(archive, content.base);
    case 'ONNX':
      return readOnnxArchive(archive, content);
    default:
      return unreachable(content);
  }
}

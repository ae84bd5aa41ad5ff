/**
 * Bytes -> what they are -> a converted model, its weights not yet read. Runs no engine. Each reader is loaded when there
 * is a file for it: all of them together take longer (HDF5 is a library of its own) than to read most files.
 */
import { openSync } from 'node:fs';
import { unreachable } from '../lib/result.js';
import { readTar } from './archive-tar.js';
import { readZip } from './archive-zip.js';
import { fileSource } from './byte-source.js';
import type { ConvertedModel } from './converted-model.js';
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
    return (await import('./keras-h5.js')).readKerasH5(source);
  }
  if (container === 'ONNX') {
    onContainerRead('ONNX');
    return (await import('./onnx.js')).readOnnx(source);
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
      return (await import('./keras-zip.js')).readKerasZip(archive);
    case 'TFJS':
      return readTfjs(archive, content.modelJson, content.base);
    case 'SAVED_MODEL':
      return (await import('./saved-model.js')).readSavedModel(archive, content.base);
    case 'ONNX':
      return (await import('./onnx.js')).readOnnxArchive(archive, content);
    default:
      return unreachable(content);
  }
}

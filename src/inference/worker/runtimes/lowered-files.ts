/** The files of a lowered model: its graph is in the pack's header, its weights where every engine finds them. */
import {
  storedBytes,
  weightValue,
  writeSavedModel,
  type MoveLimits,
  type PiecedFile,
  type StoredWeight,
} from '../../../lowering/index.js';
import type { LoweredGraphHeader, PackHeader } from '../../pack.js';
import { ModelLoadError } from './runtime.js';

/** Its pieces throw a ModelLoadError when the graph asks for a weight that is not there, or as another kind of number. */
export function loweredFiles(
  lowered: LoweredGraphHeader,
  header: PackHeader,
  weights: Uint8Array,
  limits?: MoveLimits,
): ReadonlyMap<string, PiecedFile> {
  let offset = 0;
  const places = new Map<string, { readonly spec: StoredWeight; readonly bytes: Uint8Array }>();
  for (const spec of header.weightSpecs) {
    const length = storedBytes(spec, weights, offset);
    if (offset + length > weights.length) throw new ModelLoadError('The model pack is cut short.');
    places.set(spec.name, { spec, bytes: weights.subarray(offset, offset + length) });
    offset += length;
  }
  const graph = Buffer.from(lowered.graph, 'base64');
  return writeSavedModel(
    { ...lowered, graph },
    ({ weight, dtype }) => {
      const place = places.get(weight);
      const value = place === undefined ? null : weightValue(place.spec, place.bytes, dtype);
      if (value === null)
        throw new ModelLoadError(`The model pack has no weight "${weight}" of type ${dtype}.`);
      return value;
    },
    limits,
  );
}

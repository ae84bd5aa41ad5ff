/** SavedModels for tests: taken from the fixtures, changed, packed as people pack them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  decodeProto,
  encodeProto,
  type AttrEntry,
  type FunctionProto,
  type NodeProto,
} from '../../src/importers/tensorflow-proto.js';
import { tarOf } from './archives.js';
import { zipOf } from './zip.js';

export type Files = Map<string, Buffer>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] };

/** The decoded graph, for a test to change in place. */
export interface EditableGraph {
  readonly nodes: Mutable<NodeProto>[];
  readonly functions: Mutable<FunctionProto>[];
  // The rest of the message, as protobufjs gives it.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly meta: any;
}

export function savedModelFiles(name: string): Files {
  const folder = fileURLToPath(new URL(`../fixtures/${name}/`, import.meta.url));
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length), readFileSync(path)];
      }),
  );
}

/** A fixture with its graph edited. */
export function editedSavedModel(name: string, edit: (graph: EditableGraph) => void): Files {
  const files = savedModelFiles(name);
  files.set('saved_model.pb', editedGraph(files.get('saved_model.pb') ?? Buffer.alloc(0), edit));
  return files;
}

export function editedGraph(bytes: Buffer, edit: (graph: EditableGraph) => void): Buffer {
  // A message's own type would be protobufjs's, without fields.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const message = decodeProto('SavedModel', bytes, 'saved_model.pb') as any;
  const meta = message.metaGraphs[0];
  edit({ nodes: meta.graphDef.node, functions: meta.graphDef.library.function, meta });
  return Buffer.from(encodeProto('SavedModel', message));
}

export function zipOfFiles(files: Files, folder = 'model/'): Buffer {
  return zipOf([...files].map(([name, data]) => ({ name: `${folder}${name}`, data })));
}

export function tarOfFiles(files: Files, gzip = true): Promise<Buffer> {
  return tarOf(
    [...files].map(([name, data]) => ({ header: { name: `model/${name}` }, data })),
    gzip,
  );
}

export function nodeOf(name: string, op: string, input: readonly string[] = [], attr: AttrEntry[] = []) {
  return { name, op, input: [...input], device: '', attr };
}

export const typeAttr = (key: string, type: number): AttrEntry => ({ key, value: { type } });

/**
 * The ops and attributes that a lowered graph may have: those of TensorFlow 2.21 without what is newer than 2.9, which
 * tfjs-node ships. An attribute that a TensorFlow does not know makes it refuse the whole graph.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ConvertedModel } from '../../src/importers/converted-model.js';
import { GraphMessage } from '../../src/lowering/tensorflow-schema.js';

const FILE = fileURLToPath(new URL('../fixtures/lowering/tensorflow-ops.txt', import.meta.url));
/** By op, its attributes. */
export const TENSORFLOW_OPS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  readFileSync(FILE, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [op = '', ...attributes] = line.split(' ');
      return [op, new Set(attributes)];
    }),
);

interface WrittenNode {
  readonly name: string;
  readonly op: string;
  readonly attr: readonly { readonly key: string }[];
}

interface WrittenGraph {
  readonly node: readonly WrittenNode[];
  readonly library: { readonly function: readonly { readonly nodeDef: readonly WrittenNode[] }[] } | null;
}

/** What TensorFlow 2.9 would not know in the lowered graph, one line each. */
export function unknownToTensorflow({ lowered }: ConvertedModel): readonly string[] {
  if (lowered?.ok !== true) return ['It is not lowered.'];
  const graph = GraphMessage.decode(lowered.value.graph) as unknown as WrittenGraph;
  const nodes = [...graph.node, ...(graph.library?.function ?? []).flatMap(({ nodeDef }) => nodeDef)];
  return nodes.flatMap(({ op, attr }) => {
    const attributes = TENSORFLOW_OPS.get(op);
    if (attributes === undefined) return [op];
    return attr.filter(({ key }) => !attributes.has(key)).map(({ key }) => `${op}.${key}`);
  });
}

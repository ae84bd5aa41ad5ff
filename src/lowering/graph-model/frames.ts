/**
 * Loops in the form of frames (Enter, Merge, Switch, NextIteration, Exit). TensorFlow.js lets a loop's body read
 * constants from outside; TensorFlow wants every tensor to enter the frame. So it is found which frame each node runs
 * in, and what comes from an outer one is led through an `Enter` of its own.
 */
import { attribute, type AttributeEntry, type GraphNode } from '../graph.js';
import { refuseLowering } from '../refused.js';

/** Names of frames from the outermost inwards. */
type Frame = readonly string[];

/** @param typeOf the type of a tensor, for the `Enter` that leads it in */
export function enterFrames(
  nodes: readonly GraphNode[],
  typeOf: (tensor: string) => AttributeEntry,
): readonly GraphNode[] {
  if (!nodes.some(({ op }) => op === 'Enter')) return nodes;
  const { outputs, parents } = findFrames(nodes);
  const entered = new Map<string, string>();
  const added: GraphNode[] = [];

  /** Leads a tensor inwards, one frame after the other. */
  function lead(tensor: string, from: Frame, to: Frame): string {
    let at = tensor;
    for (let depth = from.length; depth < to.length; depth++) {
      const frame = to[depth] ?? '';
      const key = `${at} ${to.slice(0, depth + 1).join(' ')}`;
      let name = entered.get(key);
      if (name === undefined) {
        name = `entered/${entered.size}`;
        entered.set(key, name);
        added.push({
          name,
          op: 'Enter',
          input: [at],
          attr: [
            typeOf(tensor),
            attribute.text('frame_name', frame),
            attribute.bool('is_constant', true),
            attribute.int('parallel_iterations', 10),
          ],
        });
      }
      at = name;
    }
    return at;
  }

  const placed = nodes.map((node): GraphNode => {
    // A loop's `Enter` stands in the frame around it, also when it reads a constant from further outside.
    const own = node.op === 'Enter' ? (parents.get(frameName(node)) ?? []) : deepest(node, outputs);
    const input = node.input.flatMap((tensor) => {
      const from = outputs.get(nodeOf(tensor)) ?? [];
      if (from.length === own.length) return [tensor];
      // Waiting for something outside of the frame means nothing once a tensor has come in.
      return tensor.startsWith('^') ? [] : [lead(tensor, from, own)];
    });
    return { ...node, input };
  });
  return [...placed, ...added];
}

export function nodeOf(tensor: string): string {
  return tensor.replace(/^\^/, '').replace(/:.*$/, '');
}

/** The frame that a node runs in: the innermost of those that it reads from. */
function deepest(node: GraphNode, outputs: ReadonlyMap<string, Frame>): Frame {
  return node.input.reduce<Frame>((own, tensor) => {
    const from = outputs.get(nodeOf(tensor)) ?? [];
    return from.length > own.length ? from : own;
  }, []);
}

interface Frames {
  /** By node: the frame that its outputs are in. */
  readonly outputs: ReadonlyMap<string, Frame>;
  /** By a frame's name: the one that it stands in. */
  readonly parents: ReadonlyMap<string, Frame>;
}

/** Loops close on themselves, so it is sought until nothing changes. */
function findFrames(nodes: readonly GraphNode[]): Frames {
  const readers = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    for (const tensor of node.input) {
      const name = nodeOf(tensor);
      const known = readers.get(name);
      if (known === undefined) readers.set(name, [node]);
      else known.push(node);
    }
  }
  const outputs = new Map<string, Frame>();
  const parents = new Map<string, Frame>();
  const enters = nodes.filter(({ op }) => op === 'Enter');
  const waiting = [...enters];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const inside = deepest(node, outputs);
    const frame =
      node.op === 'Enter' ? enteredFrame(node, inside) : node.op === 'Exit' ? inside.slice(0, -1) : inside;
    if (frame.length > MAX_DEPTH)
      refuseLowering(node.name, `Loops are nested deeper than ${MAX_DEPTH} levels.`);
    // It only ever grows deeper, by a bounded number of levels: the search ends.
    if (frame.length <= (outputs.get(node.name)?.length ?? 0)) continue;
    outputs.set(node.name, frame);
    waiting.push(...(readers.get(node.name) ?? []));
  }
  return { outputs, parents };

  function enteredFrame(node: GraphNode, inside: Frame): Frame {
    const name = frameName(node);
    const known = parents.get(name);
    if (known === undefined || inside.length > known.length) {
      parents.set(name, inside);
      if (known !== undefined) waiting.push(...enters.filter((enter) => frameName(enter) === name));
    }
    return [...(parents.get(name) ?? []), name];
  }
}

const MAX_DEPTH = 16;

function frameName(node: GraphNode): string {
  const bytes = node.attr.find(({ key }) => key === 'frame_name')?.value.s;
  return bytes === undefined ? '' : Buffer.from(bytes).toString('latin1');
}

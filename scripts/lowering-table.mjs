// What is lowered, from the code itself, between two marks in src/lowering/README.md. Part of `npm run generate`, and of
// `npm run check`, which fails when the page is stale.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import './typescript/register.mjs';
import { root } from './setup/paths.mjs';
import { writeAtomically } from './setup/stamp.mjs';

export const LOWERING_README = 'src/lowering/README.md';
const [BEGIN, END] = ['<!-- generated: begin -->', '<!-- generated: end -->'];
const WIDTH = 110;

/** The page as it should be. */
export async function loweringReadme() {
  const page = readFileSync(join(root, LOWERING_README), 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${LOWERING_README} lacks the marks ${BEGIN} and ${END}.`);
  return `${before}${BEGIN}\n\n${await lists()}\n\n${END}${after}`;
}

export async function writeLoweringReadme() {
  writeAtomically(join(root, LOWERING_README), await loweringReadme());
}

async function lists() {
  const [{ LOWERED_ACTIVATIONS, LOWERED_LAYERS }, rewrites, graph, layers, recurrent, inputs] =
    await Promise.all(
      [
        'lowering/index',
        'lowering/graph-model/rewrites',
        'importers/graph-ops',
        'importers/keras-layers',
        'importers/keras-recurrent',
        'importers/keras-inputs',
      ].map((file) => import(`../src/${file}.ts`)),
    );
  const served = [...layers.SIMPLE_LAYER_CLASSES, ...recurrent.RECURRENT_CLASSES];
  const rewritten = [...rewrites.REWRITES.keys()];
  const plain = [...graph.GRAPH_OPS, ...graph.LOWERED_ONLY_OPS].filter((op) => !rewritten.includes(op));
  return [
    part('Layers of Keras, by class', 'lowered', LOWERED_LAYERS),
    part(
      null,
      'read as another class',
      served.filter((name) => !LOWERED_LAYERS.includes(name)),
    ),
    part(null, 'refused by name, with what would work instead: every other class; with a hint of its own', [
      ...inputs.HINTS.keys(),
    ]),
    part('Activations', 'lowered', LOWERED_ACTIVATIONS),
    part('Ops of TensorFlow.js graph models', 'rewritten', rewritten),
    part(null, 'activations inside the fused ones', [
      ...rewrites.FUSED_ACTIVATIONS.keys(),
      'leakyrelu',
      'prelu',
    ]),
    part(null, 'written as they are', plain),
    part(null, 'refused', graph.REFUSED_GRAPH_OPS),
  ].join('\n\n');
}

function part(heading, state, names) {
  const lines = [`**${state}** (${names.length}):`];
  for (const name of [...names].sort()) {
    const next = `${lines.at(-1)} ${name.replaceAll('_', '\\_')}`;
    if (next.length > WIDTH) lines.push(name.replaceAll('_', '\\_'));
    else lines[lines.length - 1] = next;
  }
  return [...(heading === null ? [] : [`### ${heading}`, '']), ...lines].join('\n');
}

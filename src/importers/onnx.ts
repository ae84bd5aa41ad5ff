/**
 * An ONNX file: one protobuf message. It is read strictly, checked whole, and written again in one canonical form
 * (`onnx-wire.ts`): the engine never sees the uploaded bytes, so nothing can be in them that was not checked.
 */
import type { Archive } from './archive.js';
import type { ByteSource } from './byte-source.js';
import type { ConvertedModel } from './converted-model.js';
import { IMPORT_LIMITS } from './limits.js';
import { canonicalModel } from './onnx-canonical.js';
import { inlineExternalData, type ExternalFiles } from './onnx-external.js';
import { checkModelGraphs } from './onnx-graph.js';
import { domainOf, NEWEST_IR_VERSION, NEWEST_OPSET, ONNX_OPS, SHAPED_BY_VALUES } from './onnx-ops.js';
import { ONNX_TYPES } from './onnx-schema.js';
import { readOnnxSignature } from './onnx-signature.js';
import {
  decodeMessage,
  encodeMessage,
  intOf,
  messageField,
  messageList,
  textField,
  withFields,
  type Message,
} from './onnx-wire.js';
import { refuseImport } from './refused.js';
import { isOnnx } from './sniff.js';

/** A file that came alone. @throws Refused naming the node, tensor or field at fault */
export function readOnnx(source: ByteSource): ConvertedModel {
  return convert(source, null);
}

/** A file of an archive, with data files beside it. @throws Refused as above, and for what the data files are not */
export function readOnnxArchive(
  { files }: Archive,
  { model, base }: { readonly model: string; readonly base: string },
): ConvertedModel {
  const source = files.get(model);
  if (source === undefined || !isOnnx(source.read(0, 16))) {
    return refuseImport(
      'UNSUPPORTED_FORMAT',
      model,
      `"${model}" in the archive is no ONNX file by what is in it.`,
    );
  }
  return convert(source, { files, base, model });
}

function convert(source: ByteSource, beside: ExternalFiles | null): ConvertedModel {
  if (source.size > IMPORT_LIMITS.maxOnnxBytes) refuseSize(source.size);
  const uploaded = decodeMessage(source.read(0, source.size), ONNX_TYPES, 'ModelProto', 'ONNX file');
  const { model, used } = inlineExternalData(uploaded, beside);
  const wholeGraph = messageField(model, 'graph');
  if (wholeGraph === null) return refuseImport('CORRUPT_ARTIFACT', null, 'The ONNX file has no graph.');
  checkVersions(model);
  const { inputs, outputs, graph, notes } = readOnnxSignature(wholeGraph);
  const { operations, parameters } = checkModelGraphs(model, graph);
  const canonical = canonicalModel(withFields(model, { graph }));
  const { byteLength, read } = encodeMessage(canonical.model, ONNX_TYPES);
  if (byteLength > IMPORT_LIMITS.maxOnnxBytes) refuseSize(byteLength);
  return {
    format: 'ONNX',
    producer: producerOf(model),
    kind: 'onnx',
    modelTopology: null,
    weights: [],
    files: [{ name: 'model.onnx', byteLength, read }],
    inputs,
    outputs,
    operations: operations.filter((op) => op !== 'Constant'),
    parameters,
    hasShapesByValue: operations.some((op) => SHAPED_BY_VALUES.has(op)),
    notes: [...notes, ...canonical.notes, ...unusedNote(beside, used)],
  };
}

function refuseSize(bytes: number): never {
  return refuseImport(
    'LIMIT_EXCEEDED',
    null,
    `The model has ${bytes} bytes with its weights inside; at most ${IMPORT_LIMITS.maxOnnxBytes} are accepted.`,
  );
}

function unusedNote(beside: ExternalFiles | null, used: ReadonlySet<string>): string[] {
  if (beside === null) return [];
  const unused = [...beside.files.keys()].filter((name) => name !== beside.model && !used.has(name));
  if (unused.length === 0) return [];
  const shown = unused.slice(0, 3).map((name) => `"${name}"`);
  return [
    `The archive holds files that the model does not ask for and that were left out: ${shown.join(', ')}${unused.length > 3 ? ', …' : ''}.`,
  ];
}

function producerOf(model: Message): string | null {
  const name = textField(model, 'producer_name');
  return name === '' ? null : `${name} ${textField(model, 'producer_version')}`.trim();
}

function checkVersions(model: Message): void {
  const ir = intOf(model, 'ir_version');
  if (ir < 3n || ir > BigInt(NEWEST_IR_VERSION)) {
    refuseImport(
      'UNSUPPORTED_FORMAT',
      'ir_version',
      `The file has the ONNX IR version ${ir}; 3 to ${NEWEST_IR_VERSION} are accepted. Export it with an older onnx package.`,
    );
  }
  const own = new Set(messageList(model, 'functions').map((body) => domainOf(textField(body, 'domain'))));
  for (const holder of [model, ...messageList(model, 'functions')]) checkOpsets(holder, own);
}

function checkOpsets(holder: Message, own: ReadonlySet<string>): void {
  const seen = new Set<string>();
  for (const opset of messageList(holder, 'opset_import')) {
    const domain = domainOf(textField(opset, 'domain'));
    const version = intOf(opset, 'version');
    const newest = NEWEST_OPSET.get(domain);
    if (seen.has(domain)) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        domain || 'ai.onnx',
        `The file imports the domain "${domain || 'ai.onnx'}" twice.`,
      );
    }
    seen.add(domain);
    const isTooNew = newest !== undefined && version > BigInt(newest);
    if (version < 1n || isTooNew || (!ONNX_OPS.has(domain) && !own.has(domain) && version >= 2n ** 31n)) {
      refuseImport(
        'UNSUPPORTED_FORMAT',
        domain || 'ai.onnx',
        `The file uses version ${version} of the operators of "${domain || 'ai.onnx'}"; 1 to ${newest ?? 2 ** 31} are accepted.`,
      );
    }
  }
}

/**
 * The fields of ONNX's protobuf messages, by number (onnx.proto, IR version 13). `drop` fields carry nothing that
 * an answer depends on: documentation, metadata (which can also hold settings of the runtime), type hints that the
 * runtime infers itself, training and placement.
 */
import type { Field, FieldKind, MessageType, MessageTypes } from './onnx-wire.js';

type Row = readonly [number: number, name: string, kind: FieldKind, list?: 'list'];

function type(...rows: readonly Row[]): MessageType {
  return new Map(
    rows.map(([number, name, kind, list]): [number, Field] => [
      number,
      { name, kind, isRepeated: list !== undefined },
    ]),
  );
}

const of = (message: string): FieldKind => ({ message });

export const ONNX_TYPES: MessageTypes = Object.freeze({
  ModelProto: type(
    [1, 'ir_version', 'int'],
    [2, 'producer_name', 'text'],
    [3, 'producer_version', 'text'],
    [4, 'domain', 'drop'],
    [5, 'model_version', 'drop'],
    [6, 'doc_string', 'drop'],
    [7, 'graph', of('GraphProto')],
    [8, 'opset_import', of('OperatorSetIdProto'), 'list'],
    [14, 'metadata_props', 'drop'],
    [20, 'training_info', 'drop'],
    [25, 'functions', of('FunctionProto'), 'list'],
    [26, 'configuration', 'drop'],
  ),
  OperatorSetIdProto: type([1, 'domain', 'text'], [2, 'version', 'int']),
  GraphProto: type(
    [1, 'node', of('NodeProto'), 'list'],
    [2, 'name', 'text'],
    [5, 'initializer', of('TensorProto'), 'list'],
    [10, 'doc_string', 'drop'],
    [11, 'input', of('ValueInfoProto'), 'list'],
    [12, 'output', of('ValueInfoProto'), 'list'],
    [13, 'value_info', 'drop'],
    [14, 'quantization_annotation', 'drop'],
    [15, 'sparse_initializer', of('SparseTensorProto'), 'list'],
    [16, 'metadata_props', 'drop'],
  ),
  FunctionProto: type(
    [1, 'name', 'text'],
    [4, 'input', 'text', 'list'],
    [5, 'output', 'text', 'list'],
    [6, 'attribute', 'text', 'list'],
    [7, 'node', of('NodeProto'), 'list'],
    [8, 'doc_string', 'drop'],
    [9, 'opset_import', of('OperatorSetIdProto'), 'list'],
    [10, 'domain', 'text'],
    [11, 'attribute_proto', of('AttributeProto'), 'list'],
    [12, 'value_info', 'drop'],
    [13, 'overload', 'text'],
    [14, 'metadata_props', 'drop'],
  ),
  NodeProto: type(
    [1, 'input', 'text', 'list'],
    [2, 'output', 'text', 'list'],
    [3, 'name', 'text'],
    [4, 'op_type', 'text'],
    [5, 'attribute', of('AttributeProto'), 'list'],
    [6, 'doc_string', 'drop'],
    [7, 'domain', 'text'],
    [8, 'overload', 'text'],
    [9, 'metadata_props', 'drop'],
    [10, 'device_configurations', 'drop'],
  ),
  AttributeProto: type(
    [1, 'name', 'text'],
    [2, 'f', 'fixed32'],
    [3, 'i', 'int'],
    [4, 's', 'bytes'],
    [5, 't', of('TensorProto')],
    [6, 'g', of('GraphProto')],
    [7, 'floats', 'fixed32', 'list'],
    [8, 'ints', 'int', 'list'],
    [9, 'strings', 'bytes', 'list'],
    [10, 'tensors', of('TensorProto'), 'list'],
    [11, 'graphs', of('GraphProto'), 'list'],
    [13, 'doc_string', 'drop'],
    [14, 'tp', of('TypeProto')],
    [15, 'type_protos', of('TypeProto'), 'list'],
    [20, 'type', 'int'],
    [21, 'ref_attr_name', 'text'],
    [22, 'sparse_tensor', of('SparseTensorProto')],
    [23, 'sparse_tensors', of('SparseTensorProto'), 'list'],
  ),
  TensorProto: type(
    [1, 'dims', 'int', 'list'],
    [2, 'data_type', 'int'],
    [3, 'segment', 'bytes'],
    [4, 'float_data', 'fixed32', 'list'],
    [5, 'int32_data', 'int', 'list'],
    [6, 'string_data', 'bytes', 'list'],
    [7, 'int64_data', 'int', 'list'],
    [8, 'name', 'text'],
    [9, 'raw_data', 'bytes'],
    [10, 'double_data', 'fixed64', 'list'],
    [11, 'uint64_data', 'int', 'list'],
    [12, 'doc_string', 'drop'],
    [13, 'external_data', of('StringStringEntryProto'), 'list'],
    [14, 'data_location', 'int'],
    [16, 'metadata_props', 'drop'],
  ),
  SparseTensorProto: type(
    [1, 'values', of('TensorProto')],
    [2, 'indices', of('TensorProto')],
    [3, 'dims', 'int', 'list'],
  ),
  StringStringEntryProto: type([1, 'key', 'text'], [2, 'value', 'text']),
  ValueInfoProto: type(
    [1, 'name', 'text'],
    [2, 'type', of('TypeProto')],
    [3, 'doc_string', 'drop'],
    [4, 'metadata_props', 'drop'],
  ),
  TypeProto: type(
    [1, 'tensor_type', of('TypeProto.Tensor')],
    [4, 'sequence_type', of('TypeProto.Element')],
    [5, 'map_type', of('TypeProto.Map')],
    [6, 'denotation', 'drop'],
    [7, 'opaque_type', 'bytes'],
    [8, 'sparse_tensor_type', of('TypeProto.Tensor')],
    [9, 'optional_type', of('TypeProto.Element')],
  ),
  'TypeProto.Tensor': type([1, 'elem_type', 'int'], [2, 'shape', of('TensorShapeProto')]),
  'TypeProto.Element': type([1, 'elem_type', of('TypeProto')]),
  'TypeProto.Map': type([1, 'key_type', 'int'], [2, 'value_type', of('TypeProto')]),
  TensorShapeProto: type([1, 'dim', of('TensorShapeProto.Dimension'), 'list']),
  'TensorShapeProto.Dimension': type(
    [1, 'dim_value', 'int'],
    [2, 'dim_param', 'text'],
    [3, 'denotation', 'drop'],
  ),
});

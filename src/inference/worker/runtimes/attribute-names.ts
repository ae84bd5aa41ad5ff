/**
 * tfjs-node's binding keeps the names of operations' attributes in one set for the whole process, and adds to it without
 * a lock. Two worker threads that meet new names at the same time can then damage it, which ends the server by a
 * segmentation fault. So every name that tfjs-node has goes in when the engine starts, one thread at a time; from
 * then on the set is only read.
 */

/** Of tfjs-node 4.22.0: a test compares them with its files. */
export const ATTRIBUTE_NAMES: readonly string[] = [
  'DstT',
  'Index',
  'N',
  'SrcT',
  'T',
  'TI',
  'T_threshold',
  'Taxis',
  'Tblock_shape',
  'Tcomplex',
  'Tcrops',
  'Tidx',
  'Tindices',
  'Tlen',
  'Tmultiples',
  'Tnumsegments',
  'Tout',
  'Tpaddings',
  'Tparams',
  'Tperm',
  'Truncate',
  'Tshape',
  'acceptable_fraction',
  'adj_x',
  'adj_y',
  'align_corners',
  'alpha',
  'axis',
  'batch_dims',
  'begin_mask',
  'beta',
  'bias',
  'block_size',
  'channels',
  'chroma_downsampling',
  'compression',
  'container',
  'data_format',
  'dct_method',
  'density_unit',
  'depth_radius',
  'dilations',
  'ellipsis_mask',
  'end_mask',
  'epsilon',
  'equation',
  'exclusive',
  'explicit_paddings',
  'extrapolation_value',
  'fancy_upscaling',
  'format',
  'half_pixel_centers',
  'index_type',
  'is_training',
  'keep_dims',
  'ksize',
  'method',
  'mode',
  'new_axis_mask',
  'num',
  'num_split',
  'optimize_size',
  'out_idx',
  'output_dtype',
  'output_type',
  'pad_to_max_output_size',
  'padding',
  'pattern',
  'progressive',
  'quality',
  'rates',
  'ratio',
  'replace_global',
  'reverse',
  'rewrite',
  'seed',
  'shared_name',
  'shrink_axis_mask',
  'sorted',
  'strides',
  'try_recover_truncated',
  'use_cudnn_on_gpu',
  'validate_indices',
  'x_density',
  'xmp_metadata',
  'y_density',
];

/** The part of the binding that runs single operations. */
export interface OperationBinding {
  executeOp(
    name: string,
    attributes: readonly { readonly name: string; readonly type: number; readonly value: unknown }[],
    inputs: readonly number[],
    outputCount: number,
  ): unknown;
}

/** Of no attribute: the binding refuses it when it has noted the name, and before it asks TensorFlow for anything. */
const NO_TYPE = -1;

export function noteAttributeNames(binding: OperationBinding): void {
  for (const name of ATTRIBUTE_NAMES) {
    try {
      binding.executeOp('NoOp', [{ name, type: NO_TYPE, value: false }], [], 0);
    } catch {
      // Expected: see NO_TYPE.
    }
  }
}

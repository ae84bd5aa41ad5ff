/** Layers that move elements without changing them, and resizing. */
import type { Value } from '../graph-builder.js';
import { attribute, type Shape } from '../graph.js';
import type { Ops } from '../ops.js';
import { refuseLowering } from '../refused.js';
import { knownDimension, knownProduct, product } from '../shapes.js';
import { isChannelsFirst, toChannelsLast, withChannelsLast } from './channels.js';
import { first, single, type LayerCall, type LowerLayer } from './layer.js';
import {
  flagOption,
  marginsOption,
  numberOption,
  numbersOption,
  sizesOption,
  textOption,
} from './options.js';

const flatten = single((given, call) => {
  const { ops } = call;
  if (given.shape.length === 1) return ops.expand(given, 1);
  const x = isChannelsFirst(call) && given.shape.length > 2 ? toChannelsLast(ops, given) : given;
  const size = knownProduct(x.shape.slice(1));
  if (size !== null) return ops.reshape(x, [null, size]);
  return ops.reshape(x, [x.shape[0] ?? null, null], [ops.dimension(x, 0), -1]);
});

const reshape = single((x, call) => {
  const { ops } = call;
  const target = numbersOption(call, 'target_shape', []);
  const rest = knownProduct(x.shape.slice(1));
  const given = target.filter((size) => size !== -1);
  if (given.length === target.length) return ops.reshape(x, [null, ...target]);
  const shape = target.map((size) => (size !== -1 ? size : rest === null ? null : rest / product(given)));
  if (rest !== null) return ops.reshape(x, [null, ...shape]);
  return ops.reshape(x, [x.shape[0] ?? null, ...shape], [ops.dimension(x, 0), ...target]);
});

const permute = single((x, call) => call.ops.transpose(x, [0, ...numbersOption(call, 'dims', [])]));

const repeatVector = single((x, call) =>
  call.ops.tile(call.ops.expand(x, 1), [1, numberOption(call, 'n', 1), 1]),
);

function pad(rank: 1 | 2 | 3): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (x) =>
      call.ops.pad(x, [[0, 0], ...marginsOption(call, 'padding', rank), [0, 0]]),
    ),
  );
}

function crop(rank: 1 | 2 | 3): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (x) => {
      const margins = marginsOption(call, 'cropping', rank);
      const begin = [0, ...margins.map(([before]) => before), 0];
      // Up to the end where nothing is cut there; else the size must be known.
      const size = margins.map(([before, after], i) =>
        after === 0 ? -1 : knownDimension(x.shape, i + 1, call.subject) - before - after,
      );
      if (size.some((length) => length === 0 || length < -1)) {
        refuseLowering(call.subject, `Layer "${call.subject}" (${call.className}) cuts everything away.`);
      }
      return call.ops.slice(x, begin, [-1, ...size, -1]);
    }),
  );
}

/** Each element `times` times along one axis. */
function repeat(ops: Ops, x: Value, axis: number, times: number): Value {
  if (times === 1) return x;
  const apart = ops.tile(
    ops.expand(x, axis + 1),
    Array.from({ length: x.shape.length + 1 }, (_, i) => (i === axis + 1 ? times : 1)),
  );
  const shape: Shape = x.shape.map((size, i) => (i === axis && size !== null ? size * times : size));
  if (shape.filter((size) => size === null).length <= 1) return ops.reshape(apart, shape);
  const sizes = x.shape.map((size, i) => {
    if (i !== axis) return size ?? ops.dimension(x, i);
    return size === null ? ops.binary('Mul', ops.dimension(x, i), ops.b.ints(times)) : size * times;
  });
  return ops.reshape(apart, shape, sizes);
}

function upsample(rank: 1 | 2 | 3): LowerLayer {
  return single((given, call) =>
    withChannelsLast(call, given, (x) => {
      const factors = sizesOption(call, 'size', rank, 2);
      const interpolation = textOption(call, 'interpolation', ['nearest', 'bilinear', 'bicubic']);
      if (interpolation === 'nearest') {
        return factors.reduce((y, times, i) => repeat(call.ops, y, i + 1, times), x);
      }
      const sizes = factors.map((times, i) => knownDimension(x.shape, i + 1, call.subject) * times);
      return resizeTo(call.ops, x, sizes, interpolation);
    }),
  );
}

type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'area';

const RESIZE_OPS = {
  nearest: 'ResizeNearestNeighbor',
  bilinear: 'ResizeBilinear',
  bicubic: 'ResizeBicubic',
  area: 'ResizeArea',
} as const;

/** `tf.image.resize` without antialiasing: pixel centres are halves. */
function resizeTo(ops: Ops, x: Value, [rows = 1, columns = 1]: readonly number[], how: Interpolation): Value {
  const shape = [x.shape[0] ?? null, rows, columns, x.shape[3] ?? null];
  return ops.b.value(
    RESIZE_OPS[how],
    [x, ops.b.ints([rows, columns])],
    [
      attribute.type('T', x.dtype),
      attribute.bool('align_corners', false),
      ...(how === 'area' ? [] : [attribute.bool('half_pixel_centers', true)]),
    ],
    how === 'nearest' ? x.dtype : 'float32',
    shape,
  );
}

const resizing = single((given, call) => {
  for (const option of ['crop_to_aspect_ratio', 'pad_to_aspect_ratio', 'antialias']) {
    if (flagOption(call, option, false)) {
      refuseLowering(call.subject, `Layer "${call.subject}" (Resizing) has ${option}.`);
    }
  }
  const how = textOption(call, 'interpolation', ['bilinear', 'nearest', 'bicubic', 'area']);
  return withChannelsLast(call, given, (x) =>
    resizeTo(call.ops, x, [numberOption(call, 'height', 1), numberOption(call, 'width', 1)], how),
  );
});

const centerCrop = single((given, call) =>
  withChannelsLast(call, given, (x) => {
    const [height, width] = [numberOption(call, 'height', 1), numberOption(call, 'width', 1)];
    const rows = knownDimension(x.shape, 1, call.subject);
    const columns = knownDimension(x.shape, 2, call.subject);
    if (rows < height || columns < width) {
      refuseLowering(
        call.subject,
        `Layer "${call.subject}" (CenterCrop) cuts ${height} by ${width} out of ${rows} by ${columns}.`,
      );
    }
    const begin = [0, Math.floor((rows - height) / 2), Math.floor((columns - width) / 2), 0];
    return call.ops.slice(x, begin, [-1, height, width, -1]);
  }),
);

const rescaling = single((x, call: LayerCall) => {
  const { ops } = call;
  const list = (name: string, fallback: number): Value => ops.b.floats(numbersOption(call, name, [fallback]));
  return ops.add(ops.multiply(ops.cast(x, 'float32'), list('scale', 1)), list('offset', 0));
});

/** Passes its input and mask on: the reader makes one of every layer that only acts while training. */
const dropout: LowerLayer = (call) => ({ outputs: [first(call)], mask: call.masks[0] ?? null });

export const RESHAPING_LAYERS: Readonly<Record<string, LowerLayer>> = {
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  RepeatVector: repeatVector,
  ZeroPadding1D: pad(1),
  ZeroPadding2D: pad(2),
  ZeroPadding3D: pad(3),
  Cropping1D: crop(1),
  Cropping2D: crop(2),
  Cropping3D: crop(3),
  UpSampling1D: upsample(1),
  UpSampling2D: upsample(2),
  UpSampling3D: upsample(3),
  Resizing: resizing,
  CenterCrop: centerCrop,
  Rescaling: rescaling,
  Dropout: dropout,
};

/**
 * Checks for the options of a layer. An option passes in a form that tfjs-layers takes, or the layer is
 * refused by name. An option that nobody here knows is refused too unless it is off: leaving it out
 * would serve a model that computes something else than its author's.
 */
import { isDimension, isObject, own, ownString, type JsonObject } from './json.js';
import { printable, refuseImport } from './refused.js';

/** Where a check stands: enough to name the layer in a refusal. */
export interface LayerContext {
  readonly name: string;
  readonly className: string;
  /** Which Keras wrote the file: a few activations changed meaning between 2 and 3. */
  readonly kerasMajor: 2 | 3;
  /** Notes that tfjs-layers cannot compute the layer, which then runs as a lowered graph or not at all. */
  readonly beyondTfjs: (what: string) => void;
}

export interface Option {
  /** Returns what tfjs-layers takes; `undefined` leaves the option out. */
  readonly check: (value: unknown, context: LayerContext, option: string) => unknown;
  /** Taken when the file does not say; `REQUIRED` when it must. */
  readonly fallback: unknown;
}

export type Options = Readonly<Record<string, Option>>;

export const REQUIRED = Symbol('required');

/** What works wherever a layer does not: TensorFlow writes down what the layer computes, op by op. */
export const EXPORT_ADVICE =
  'A SavedModel of the same model can be served: run model.export("folder") in Keras (tf.saved_model.save(model, "folder") before TensorFlow 2.13), zip the folder and publish that.';

/** @param message a sentence about the layer, which it begins with */
export function refuseLayer(context: LayerContext, message: string): never {
  return refuseImport(
    'UNSUPPORTED_LAYER',
    context.name,
    `Layer "${context.name}" (${context.className}) ${message} ${EXPORT_ADVICE}`,
  );
}

function show(value: unknown): string {
  return printable(JSON.stringify(value) ?? String(value), 60);
}

function option(
  expected: string,
  accepts: (value: unknown) => boolean,
  fallback: unknown,
  translate: (value: unknown) => unknown = (value) => value,
): Option {
  return {
    fallback,
    check(value, context, name) {
      if (!accepts(value)) refuseLayer(context, `has ${name} ${show(value)}; expected ${expected}.`);
      return translate(value);
    },
  };
}

const isPositive = (value: unknown): boolean => isDimension(value) && value > 0;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isIntegerList = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length <= 8 &&
  value.every((item) => Number.isInteger(item) && Math.abs(item) < 2 ** 31);

export const positive = (fallback: unknown = REQUIRED): Option =>
  option('a positive integer', isPositive, fallback);
export const integer = (fallback: unknown = REQUIRED): Option =>
  option('an integer', (v) => Number.isInteger(v), fallback);
export const number = (fallback: unknown = REQUIRED): Option => option('a number', isNumber, fallback);
export const flag = (fallback: boolean): Option =>
  option('true or false', (v) => typeof v === 'boolean', fallback);
export const integers = (fallback: unknown = REQUIRED): Option =>
  option('a list of integers', isIntegerList, fallback);
export const oneOf = (values: readonly unknown[], fallback: unknown = values[0]): Option =>
  option(values.map(show).join(' or '), (v) => values.includes(v), fallback);

/** Only one value can be served; whatever else the file says is refused. The option itself is left out. */
export const only = (...values: readonly unknown[]): Option => ({
  fallback: undefined,
  check(value, context, name) {
    if (value !== undefined && !values.includes(value)) {
      refuseLayer(
        context,
        `has ${name} ${show(value)}; only ${values.map(show).join(' or ')} can be served.`,
      );
    }
    return undefined;
  },
});

/** Served in every form that `rule` takes; tfjs-layers knows only some, which are left out for it if `isDefault`. */
export const beyond = (rule: Option, isTfjs: (value: unknown) => boolean, isDefault = false): Option => ({
  fallback: rule.fallback,
  check(value, context, name) {
    if (isTfjs(value)) return isDefault ? undefined : rule.check(value, context, name);
    context.beyondTfjs(`has ${name} ${show(value)}`);
    return rule.check(value, context, name);
  },
});

/** One size or `rank` of them, always as a list; `null` stays as it is. */
export const sizes = (rank: number, fallback: unknown = REQUIRED, least: 0 | 1 = 1): Option => {
  const isSize = (value: unknown): boolean => isDimension(value) && value >= least;
  return option(
    `${least === 0 ? 'an integer from 0 on' : 'a positive integer'} or ${rank} of them`,
    (v) => v === null || isSize(v) || (Array.isArray(v) && v.length === rank && v.every(isSize)),
    fallback,
    (v) => (isSize(v) ? Array.from({ length: rank }, () => v) : v),
  );
};

/** Left out when the file leaves it out (or says null, which is the same to Keras). */
export const optional = (rule: Option): Option => ({ ...rule, fallback: undefined });

/** Not needed to run a model. */
export const ignored: Option = { fallback: undefined, check: () => undefined };

/** What training needs, what Keras notes for itself, and what is checked elsewhere. */
const ALWAYS_IGNORED = new Set([
  'name',
  'trainable',
  'dtype',
  'batch_input_shape',
  'batch_shape',
  'build_config',
  'input_dtype',
  'seed',
  'implementation',
]);
const TRAINING_SUFFIXES = ['_initializer', '_regularizer', '_constraint'];

/**
 * The options of one layer for tfjs-layers.
 * @throws Refused, naming the layer and the option
 */
export function translateOptions(
  config: JsonObject,
  options: Options,
  context: LayerContext,
): Record<string, unknown> {
  const translated: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(options)) {
    const given = own(config, name) ?? rule.fallback;
    if (given === REQUIRED) {
      refuseImport(
        'CORRUPT_ARTIFACT',
        context.name,
        `Layer "${context.name}" (${context.className}) lacks ${name}.`,
      );
    }
    const value = given === undefined ? undefined : rule.check(given, context, name);
    if (value !== undefined) translated[name] = value;
  }
  for (const [name, value] of Object.entries(config)) {
    if (Object.hasOwn(options, name) || ALWAYS_IGNORED.has(name)) continue;
    if (TRAINING_SUFFIXES.some((suffix) => name.endsWith(suffix))) continue;
    if (value === null || value === false || value === undefined) continue;
    refuseLayer(context, `has ${name} ${show(value)}, an option that Souk does not know.`);
  }
  checkPrecision(config, context);
  return translated;
}

const FLOAT_POLICIES = new Set([
  'float32',
  'float16',
  'bfloat16',
  'float64',
  'mixed_float16',
  'mixed_bfloat16',
]);

/** Inputs, and layers that give places of a table: whole numbers whatever the policy. */
const HAS_ANY_POLICY = new Set([
  'InputLayer',
  'Discretization',
  'CategoryEncoding',
  'Hashing',
  'IntegerLookup',
  'StringLookup',
]);

/** A layer computes in float32 whatever its policy; policies that change the stored weights are refused. */
function checkPrecision(config: JsonObject, context: LayerContext): void {
  const policy = dtypeName(own(config, 'dtype'));
  if (policy !== null && !FLOAT_POLICIES.has(policy) && !HAS_ANY_POLICY.has(context.className)) {
    refuseLayer(context, `has the dtype policy ${show(policy)}; floating point layers are served.`);
  }
}

/** A dtype as Keras 2 (`"float32"`) or Keras 3 (a DTypePolicy object) writes it; `null` when absent. */
export function dtypeName(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!isObject(value)) return value === undefined || value === null ? null : 'unknown';
  const config = own(value, 'config');
  const name = isObject(config) ? ownString(config, 'name') : null;
  const className = ownString(value, 'class_name') ?? 'unknown';
  return className === 'DTypePolicy' || className === 'Policy' ? (name ?? 'unknown') : className;
}

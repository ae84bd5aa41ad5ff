/** Options of a layer, read from the form that the model's reader gives them. */
import { refuseLowering } from '../refused.js';
import type { LayerCall } from './layer.js';

type Source = Pick<LayerCall, 'config' | 'subject' | 'className'>;

function wrong(call: Source, name: string): never {
  return refuseLowering(
    call.subject,
    `Layer "${call.subject}" (${call.className}) has ${name} ${JSON.stringify(call.config[name])}.`,
  );
}

export function numberOption(call: Source, name: string, fallback: number): number {
  const value = call.config[name] ?? fallback;
  return typeof value === 'number' ? value : wrong(call, name);
}

/** `null` when it is not given. */
export function maybeNumber(call: Source, name: string): number | null {
  const value = call.config[name] ?? null;
  return value === null || typeof value === 'number' ? value : wrong(call, name);
}

export function flagOption(call: Source, name: string, fallback: boolean): boolean {
  const value = call.config[name] ?? fallback;
  return typeof value === 'boolean' ? value : wrong(call, name);
}

export function textOption<T extends string>(call: Source, name: string, values: readonly T[]): T {
  const value = call.config[name] ?? values[0];
  return values.find((known) => known === value) ?? wrong(call, name);
}

/** A list of `rank` numbers; one number stands for all. */
export function sizesOption(call: Source, name: string, rank: number, fallback: number): readonly number[] {
  const value = call.config[name] ?? fallback;
  if (typeof value === 'number') return Array.from({ length: rank }, () => value);
  if (isNumbers(value) && value.length === rank) return value;
  return wrong(call, name);
}

/** A number or a list of them, as a list. */
export function numbersOption(call: Source, name: string, fallback: readonly number[]): readonly number[] {
  const value = call.config[name] ?? fallback;
  if (typeof value === 'number') return [value];
  return isNumbers(value) ? value : wrong(call, name);
}

/** Before and after, for each of `rank` dimensions, in any of the forms that Keras writes. */
export function marginsOption(
  call: Source,
  name: string,
  rank: number,
): readonly (readonly [number, number])[] {
  const value = call.config[name] ?? 1;
  const list = typeof value === 'number' || (rank === 1 && isNumbers(value)) ? [value] : value;
  if (!Array.isArray(list)) return wrong(call, name);
  const pairs = (list as unknown[]).map((item): readonly [number, number] => {
    if (typeof item === 'number') return [item, item];
    if (isNumbers(item) && item.length === 2) return [item[0] ?? 0, item[1] ?? 0];
    return wrong(call, name);
  });
  const [only] = pairs;
  if (pairs.length === 1 && only !== undefined) return Array.from({ length: rank }, () => only);
  return pairs.length === rank ? pairs : wrong(call, name);
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

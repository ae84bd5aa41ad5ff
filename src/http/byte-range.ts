/** `Range: bytes=…` (RFC 9110, section 14): one range; several at once are answered with the whole. */
import type { ByteRange } from '../storage/index.js';

const SINGLE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** The range asked for; `null`: send everything; `'unsatisfiable'`: it lies outside. */
export function parseRange(
  header: string | undefined,
  totalBytes: number,
): ByteRange | null | 'unsatisfiable' {
  const match = header === undefined ? null : SINGLE_RANGE.exec(header.replaceAll(' ', ''));
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return null;
  if (first === '') {
    const suffixBytes = Math.min(Number(last), totalBytes);
    return suffixBytes === 0 ? 'unsatisfiable' : { start: totalBytes - suffixBytes, end: totalBytes - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return null;
  if (start >= totalBytes) return 'unsatisfiable';
  return { start, end: last === '' ? totalBytes - 1 : Math.min(Number(last), totalBytes - 1) };
}

import { refuse } from '../lib/result.js';

export function tooLarge(maxBytes: number) {
  return refuse({
    code: 'TOO_LARGE' as const,
    message: `The file is larger than the ${maxBytes} bytes that are allowed.`,
    maxBytes,
  });
}

export function checksumMismatch(expected: string, actual: string) {
  return refuse({
    code: 'CHECKSUM_MISMATCH' as const,
    message: `The bytes that arrived have the SHA-256 ${actual}, but ${expected} was announced. Send the file again.`,
    expected,
    actual,
  });
}

export function interrupted() {
  return refuse({
    code: 'INTERRUPTED' as const,
    message: 'The file stopped arriving before its end. Nothing of it was kept; send it again.',
  });
}

export function storageFull() {
  return refuse({
    code: 'STORAGE_FULL' as const,
    message: 'The artifact storage of this server is full. Nothing of the file was kept.',
  });
}

/** True for what the operating system says when a disk or a disk quota is used up. */
export function isStorageFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

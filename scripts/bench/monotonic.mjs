/** Milliseconds on a clock that all threads and processes of this machine share. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A reading as `read.mjs` makes it: the answer of `serverInfo`, with rates and latencies. */
export function renderReading(reading: object, width: number): string[];

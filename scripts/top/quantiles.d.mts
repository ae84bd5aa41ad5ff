/** Upper bound in seconds and observations up to it, rising. */
export type Bucket = readonly [bound: number, count: number];
export function readBuckets(text: string): Bucket[];
export function bucketsSince(before: readonly Bucket[], after: readonly Bucket[]): Bucket[];
export function quantileMs(buckets: readonly Bucket[], share: number): number | null;

// How fast an export of usage is, and whether its server's memory grows with the rows that have left.
import { get } from 'node:http';
import { rssOf } from './processes.mjs';
import { median } from './statistics.mjs';

const SAMPLE_EVERY_ROWS = 5_000;
const NEW_LINE = 10;
const MIB = 2 ** 20;

/**
 * Reads `rows` events at most and then goes away.
 * @param {{url: string, pid: number}} server
 * @param {string} key an API key with USAGE_READ
 * @param {{format: 'csv' | 'jsonl', from: Date, to: Date, rows: number}} what
 * @returns rows, rows a second, and by how many MiB the server's resident memory grew between the second tenth of the
 *   rows (the first warms it up) and the last
 */
export async function measureExport(server, key, { format, from, to, rows }) {
  const url = new URL('/exports/usage', server.url);
  url.search = new URLSearchParams({ format, from: from.toISOString(), to: to.toISOString() }).toString();
  const startedAt = performance.now();
  const samples = [];
  let read = 0;
  await new Promise((resolve, reject) => {
    const request = get(url, { headers: { authorization: `Bearer ${key}` } }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`The export answered ${response.statusCode}.`));
        return;
      }
      response.on('data', (chunk) => {
        for (let at = chunk.indexOf(NEW_LINE); at >= 0; at = chunk.indexOf(NEW_LINE, at + 1)) read += 1;
        if (read >= (samples.length + 1) * SAMPLE_EVERY_ROWS) samples.push([read, rssOf(server.pid)]);
        if (read >= rows) {
          resolve();
          request.destroy();
        }
      });
      response.once('end', resolve);
      response.once('error', reject);
    });
    request.once('error', reject);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const between = (low, high) =>
    median(samples.filter(([at]) => at > low * read && at <= high * read).map(([, bytes]) => bytes));
  const rss = samples.map(([, bytes]) => bytes / MIB);
  return {
    rows: read,
    rowsPerSecond: read / seconds,
    rssGrowthMiB: (between(0.9, 1) - between(0.1, 0.2)) / MIB,
    rssMiB: { least: Math.min(...rss), most: Math.max(...rss) },
  };
}

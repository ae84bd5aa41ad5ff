/**
 * Imported before everything else, for what it does: libraries decide by NODE_ENV, when they are loaded, whether to check
 * their callers as in development. graphql-js then looks twice at every value that it completes.
 */
import { setFlagsFromString } from 'node:v8';

process.env['NODE_ENV'] ??= 'production';

/**
 * How much the old generation may grow, in percent of what lives in it, before it is collected. V8 lets a server's heap
 * grow from 40 to 190 MB and back, over tens of thousands of predictions: to whoever watches that looks like a leak, and
 * it costs the memory of a model. A collection more every few seconds costs milliseconds, mostly on other threads.
 */
const HEAP_GROWTH_PERCENT = 50;
setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);

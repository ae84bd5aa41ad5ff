/** Entry of the throw-away child in which a native library shows whether it survives being loaded. */
import { writeSync } from 'node:fs';
import { loadNativeLibrary } from './runtimes/tfjs-node.js';

if (process.argv[2] === 'tfjs-node') loadNativeLibrary();
// At once, before the library's own ending: only the loading is tried.
writeSync(1, 'loaded');

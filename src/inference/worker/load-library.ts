/** Entry of the throw-away child in which a native library shows whether it survives being loaded. */
import { writeSync } from 'node:fs';
import { loadOrt } from './runtimes/onnx-binding.js';
import { loadNativeLibrary } from './runtimes/tensorflow-binding.js';

if (process.argv[2] === 'tensorflow') loadNativeLibrary();
if (process.argv[2] === 'onnxruntime') loadOrt();
// At once, before the library's own ending: only the loading is tried.
writeSync(1, 'loaded');

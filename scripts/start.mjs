// `npm start`: prepares what is missing, then becomes the server (in this process, so that signals and
// the exit code are its own).
import { setupOrExit } from './setup.mjs';

await setupOrExit();
await import('../dist/main.js');

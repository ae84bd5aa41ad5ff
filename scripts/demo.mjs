// `npm run demo`: prepares what is missing (told on stderr only), then plays the story.
import { setupOrExit } from './setup.mjs';

await setupOrExit({ quiet: true });
await import('../dist/demo/main.js');

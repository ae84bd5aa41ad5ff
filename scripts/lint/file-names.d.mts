import type { ESLint } from 'eslint';

export declare const souk: ESLint.Plugin;

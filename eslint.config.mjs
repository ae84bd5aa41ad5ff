// The walls of the house, and the few habits that a type checker does not enforce. Which imports are allowed
// is drawn in scripts/lint/zones.mjs; test/unit/walls.test.ts plants a violation behind every wall.
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { souk } from './scripts/lint/file-names.mjs';
import { packageWalls, zones } from './scripts/lint/zones.mjs';

// What is never meant. (A list of our own: the package with ESLint's is one more to keep in step.)
const mistakes = [
  'constructor-super',
  'for-direction',
  'getter-return',
  'no-async-promise-executor',
  'no-class-assign',
  'no-compare-neg-zero',
  'no-cond-assign',
  'no-const-assign',
  'no-constant-condition',
  'no-debugger',
  'no-dupe-args',
  'no-dupe-class-members',
  'no-dupe-else-if',
  'no-dupe-keys',
  'no-duplicate-case',
  'no-empty-pattern',
  'no-fallthrough',
  'no-func-assign',
  'no-import-assign',
  'no-invalid-regexp',
  'no-loss-of-precision',
  'no-redeclare',
  'no-self-assign',
  'no-self-compare',
  'no-sparse-arrays',
  'no-this-before-super',
  'no-undef',
  'no-unreachable',
  'no-unsafe-finally',
  'no-unsafe-negation',
  'no-unsafe-optional-chaining',
  'no-unused-vars',
  'no-useless-catch',
  'no-var',
  'prefer-const',
  'use-isnan',
  'valid-typeof',
];

const types = ['**/*.ts'];
const sources = ['src/**/*.ts'];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      '.cache/',
      '.data/',
      'coverage/',
      '**/generated/',
      'test/fixtures/',
      'vitest.config.ts',
    ],
  },
  {
    files: ['**/*.{ts,mjs,cjs,js,jsx}'],
    plugins: { souk },
    rules: {
      'max-lines': ['error', { max: 400 }],
      'souk/file-names': 'error',
      // `== null` asks for null and undefined at once.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      ...Object.fromEntries(mistakes.map((rule) => [rule, 'error'])),
    },
  },
  {
    files: types,
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // The compiler knows these better.
      'no-undef': 'off',
      'no-unused-vars': 'off',
      'no-redeclare': 'off',
      'no-dupe-class-members': 'off',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, allowDefaultCaseForExhaustiveSwitch: true },
      ],
    },
  },
  {
    files: sources,
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })],
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use a union of string literals.' },
        { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'Use a module.' },
        { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
        { selector: 'Decorator', message: 'Wire by hand in app.ts.' },
      ],
    },
  },
  ...packageWalls(),
  {
    files: ['scripts/**/*.mjs', 'bin/*.mjs', '*.mjs', 'src/dashboard/**/*.{js,jsx,mjs}', '**/*.cjs'],
    languageOptions: {
      parserOptions: { ecmaFeatures: { jsx: true } },
      globals: Object.fromEntries(
        [
          ...[
            'process',
            'Buffer',
            'URL',
            'URLSearchParams',
            'console',
            'performance',
            'fetch',
            'AbortSignal',
          ],
          ...[
            'setTimeout',
            'clearTimeout',
            'setInterval',
            'clearInterval',
            'setImmediate',
            'structuredClone',
          ],
          ...[
            'TextDecoder',
            'TextEncoder',
            'WebAssembly',
            'AbortController',
            'require',
            'module',
            '__dirname',
          ],
          ...['document', 'window', 'Worker', 'workerUrls', 'Response', 'Blob', 'FormData'],
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['src/dashboard/**/*.jsx'],
    // ESLint without a React plug-in does not see that JSX uses its components.
    rules: { 'no-unused-vars': ['error', { varsIgnorePattern: '^[A-Z]|createRoot|firstQuery' }] },
  },
  { files: ['scripts/**', 'src/demo/**', 'test/**'], rules: { 'no-console': 'off' } },
  // Tests plant data that the types do not foresee.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-unnecessary-type-assertion': 'off' } },
);

/**
 * Imported before everything else, for what it does: libraries decide by NODE_ENV, when they are loaded, whether to check
 * their callers as in development. graphql-js then looks twice at every value that it completes.
 */
process.env['NODE_ENV'] ??= 'production';

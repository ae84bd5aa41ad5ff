import { pino, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

/**
 * Structured JSON logs, so that no user text can forge a line. Secrets are never passed to the logger;
 * the redaction is the second wall for what a careless caller hands over.
 */
export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      redact: {
        paths: [
          'authorization',
          '*.authorization',
          'req.headers.authorization',
          'headers.authorization',
          'headers.cookie',
          '*.password',
          'password',
          '*.secret',
          'secret',
          '*.token',
          'token',
          '*.refreshToken',
          '*.accessToken',
        ],
        censor: '[redacted]',
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

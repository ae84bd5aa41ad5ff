import { pino } from "pino";
function createLogger(level) {
  return pino(
    {
      level,
      redact: {
        paths: [
          "authorization",
          "*.authorization",
          "req.headers.authorization",
          "headers.authorization",
          "headers.cookie",
          "*.password",
          "password",
          "*.secret",
          "secret",
          "*.token",
          "token",
          "*.refreshToken",
          "*.accessToken"
        ],
        censor: "[redacted]"
      }
    },
    pino.destination({ dest: 2, sync: true })
  );
}
export {
  createLogger
};
//# sourceMappingURL=logger.js.map

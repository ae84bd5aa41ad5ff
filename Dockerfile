# Build: everything that `npm start` would prepare, so that a container starts at once and needs no network.
FROM node:22-bookworm-slim AS build
# For the native TensorFlow engine: pip brings the library, the compiler builds the binding.
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 python3-pip make g++ ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY . .
# The library goes into the shared cache; it has the same path in both stages, since the package links to it.
ENV XDG_CACHE_HOME=/opt/cache
RUN mkdir -p /opt/cache \
  && npm run setup \
  && node -e "const { engine, detail } = require('./.cache/engine.json'); if (engine !== 'tfjs-node') { console.error(detail); process.exit(1); }" \
  && rm -rf /opt/cache/souk/libtensorflow/*/include

FROM node:22-bookworm-slim
ENV NODE_ENV=production \
  XDG_CACHE_HOME=/opt/cache \
  HOST=0.0.0.0 \
  DATA_DIR=/data
WORKDIR /app
COPY --from=build /opt/cache /opt/cache
COPY --from=build /app /app
# `node` is an ordinary account: PostgreSQL, when embedded, runs as it too.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 4000) + '/readyz', { signal: AbortSignal.timeout(4000) }).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The server itself, as process 1: nothing is left to prepare, and SIGTERM reaches it.
CMD ["node", "dist/main.js"]

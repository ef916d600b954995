# syntax=docker/dockerfile:1
# One image for every role: the server, the worker, and the migrations that run before them (docs/docker.md).
# A test runs these steps as a script (server/test/docker): it knows FROM, WORKDIR, ENV, COPY, RUN, USER, EXPOSE, STOPSIGNAL, HEALTHCHECK and CMD,
# and paths below /app alone.

FROM node:26.10.0-slim AS manifests
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY server/package.json server/
COPY client/package.json client/

# Prisma's client, from the schema. What makes it stays in this stage.
FROM manifests AS generated
RUN npx -y pnpm@12 install --frozen-lockfile --filter '@plinth/server...'
COPY prisma/schema prisma/schema
COPY server/dev server/dev
RUN node server/dev/generate.ts

# What runs in production. tRPC and Prisma name the compiler as a peer, and Prisma brings an engine for every database: none of it is ever loaded.
FROM manifests AS production
RUN npx -y pnpm@12 install --frozen-lockfile --prod --filter '@plinth/server...' \
  && rm -rf node_modules/.pnpm/typescript@* node_modules/.pnpm/@typescript+* \
  && find node_modules/.pnpm -path '*@prisma/client/runtime/*' \( -name '*.map' -o -name '*.mysql.*' -o -name '*.sqlite.*' -o -name '*.sqlserver.*' -o -name '*.cockroachdb.*' \) -delete

FROM node:26.10.0-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=production /app ./
COPY --from=generated /app/server/src/db/generated server/src/db/generated
COPY prisma/migrations prisma/migrations
COPY client/src client/src
COPY server/src server/src
# Nothing in the image is theirs to write, and the server writes no file.
USER node
EXPOSE 3000
# It stops taking requests, finishes those it has (DRAIN_MS), and ends with 0.
STOPSIGNAL SIGTERM
# Ready, and not merely alive: the database answers and every migration is applied. For PLINTH_ROLE=worker, which does not listen, turn it off.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "server/src/index.ts"]

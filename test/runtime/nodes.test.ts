import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { clusterBackplane, clusterRelay, workerBackplane } from "../../adapters/cluster/index.ts";
import { natsBackplane, natsStreams } from "../../adapters/nats/index.ts";
import { postgresBackplane } from "../../adapters/postgres/index.ts";
import { redisBackplane, redisStreams } from "../../adapters/redis/index.ts";
import { localBackplane } from "../../src/connection/backplane/local.ts";
import type { TestBroker } from "../support/broker.ts";
import { hasNats, natsConnect, natsModule, natsOptions, startNats } from "../support/nats.ts";
import { describeNodeProcesses, describeNodes } from "../support/nodes-suite.ts";
import {
  hasPostgres,
  postgresClients,
  startPostgres,
  type TestPostgres,
} from "../support/postgres.ts";
import { killChild, startRelay } from "../support/processes.ts";
import { hasRedis, redisClient, startRedis } from "../support/redis.ts";

const shared = localBackplane();
const withHistory = localBackplane({ history: 100 });

describeNodes("localBackplane()", () => shared);
describeNodes("localBackplane() with a history", () => withHistory);
describeNodes("workerBackplane()", () => workerBackplane({ name: "nodes" }));

describe("a relay", () => {
  let relay: ChildProcess;

  beforeAll(async () => {
    relay = await startRelay("advanced");
  });

  afterAll(() => killChild(relay));

  describeNodes("clusterBackplane()", () => clusterBackplane({ channel: relay }));
});

describeNodeProcesses("clusterBackplane()", () => ["cluster"], clusterRelay());

describe.skipIf(!hasRedis)("Redis", () => {
  let redis: TestBroker;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.kill());

  describeNodes(
    "redisBackplane()",
    async () => redisBackplane(await redisClient("node-redis", redis.port)),
    () => redis,
  );
  describeNodes("redisStreams()", async () =>
    redisStreams(await redisClient("ioredis", redis.port), { prefix: "kept:" }),
  );
  describeNodeProcesses("redisBackplane()", () => ["redis", String(redis.port)]);
});

describe.skipIf(!hasNats)("NATS", () => {
  let nats: TestBroker;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "framewire-jetstream-"));
    nats = await startNats(`jetstream { store_dir: ${JSON.stringify(folder)} }`);
  });

  afterAll(async () => {
    await nats.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  describeNodes(
    "natsBackplane()",
    async () => natsBackplane(await natsConnect("nats.js 3"), natsOptions(nats.port)),
    () => nats,
  );
  describeNodes("natsStreams()", async () =>
    natsStreams(await natsModule("nats.js 2"), natsOptions(nats.port), { prefix: "kept." }),
  );
});

describe.skipIf(!hasPostgres)("PostgreSQL", () => {
  let postgres: TestPostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres.remove());

  describeNodes(
    "postgresBackplane()",
    async () => postgresBackplane(await postgresClients(postgres.port), { maxDelay: 50 }),
    () => postgres,
  );
});

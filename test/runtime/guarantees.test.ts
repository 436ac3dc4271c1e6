import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { clusterBackplane, workerBackplane } from "../../adapters/cluster/index.ts";
import { natsBackplane, natsStreams } from "../../adapters/nats/index.ts";
import { postgresBackplane } from "../../adapters/postgres/index.ts";
import { redisBackplane, redisStreams } from "../../adapters/redis/index.ts";
import { ensureBuilt } from "../../scripts/built.mjs";
import { localBackplane } from "../../src/connection/backplane/local.ts";
import type { TestBroker } from "../support/broker.ts";
import { seeGuarantees, type Subject } from "../support/guarantees.ts";
import {
  hasNats,
  natsClients,
  natsConnect,
  natsModule,
  natsOptions,
  startNats,
} from "../support/nats.ts";
import { hasPostgres, postgresClients, startPostgres } from "../support/postgres.ts";
import { killChild, startRelay } from "../support/processes.ts";
import { hasRedis, redisClient, startRedis } from "../support/redis.ts";

/**
 * What each driver does is seen here, and compared with guarantees/, of which the table in docs/scaling.md is made:
 * `npm run drivers:table` does both.
 */
async function see(driver: string, subject: Subject): Promise<void> {
  const seen = `${JSON.stringify(await seeGuarantees(subject), null, 2)}\n`;
  await expect(seen).toMatchFileSnapshot(`guarantees/${driver}.json`);
}

async function over(broker: TestBroker, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } finally {
    await broker.kill();
  }
}

describe("what is written of a driver's guarantees is what is seen", () => {
  it("of localBackplane", async () => {
    const shared = localBackplane();
    await see("localBackplane", { newBackplane: () => shared, port: 0 });
  });

  it("of localBackplane with a history", async () => {
    const shared = localBackplane({ history: 100 });
    await see("localBackplane with history", { newBackplane: () => shared, port: 0 });
  });

  it("of workerBackplane", () =>
    see("workerBackplane", { newBackplane: () => workerBackplane(), port: 0 }));

  it("of clusterBackplane", async () => {
    ensureBuilt();
    const channel = await startRelay("json");
    const stop = {
      pause: () => void process.kill(channel.pid!, "SIGSTOP"),
      resume: () => void process.kill(channel.pid!, "SIGCONT"),
    };
    try {
      const newBackplane: Subject["newBackplane"] = () => clusterBackplane({ channel });
      await see("clusterBackplane", { newBackplane, port: 0, stop });
    } finally {
      await killChild(channel);
    }
  });

  it.skipIf(!hasRedis).each(["node-redis", "ioredis"] as const)(
    "of redisBackplane and redisStreams by %s",
    async (client) => {
      const redis = await startRedis();
      const { port } = redis;
      await over(redis, async () => {
        for (const make of [redisBackplane, redisStreams]) {
          await see(make.name, {
            newBackplane: async (port) =>
              make(await redisClient(client, port), { prefix: make.name }),
            port,
            stop: redis,
          });
        }
      });
    },
  );

  it.skipIf(!hasPostgres)("of postgresBackplane", async () => {
    const postgres = await startPostgres();
    const { port } = postgres;
    try {
      const newBackplane: Subject["newBackplane"] = async (port) =>
        postgresBackplane(await postgresClients(port), { maxDelay: 50 });
      await see("postgresBackplane", { newBackplane, port, stop: postgres });
    } finally {
      await postgres.remove();
    }
  });

  it.skipIf(!hasNats).each(Object.keys(natsClients) as (keyof typeof natsClients)[])(
    "of natsBackplane by %s",
    async (client) => {
      const nats = await startNats();
      const connect = await natsConnect(client);
      await over(nats, () =>
        see("natsBackplane", {
          newBackplane: (port) => natsBackplane(connect, natsOptions(port)),
          port: nats.port,
          stop: nats,
        }),
      );
    },
  );

  it.skipIf(!hasNats).each(Object.keys(natsClients) as (keyof typeof natsClients)[])(
    "of natsStreams by %s",
    async (client) => {
      const folder = mkdtempSync(join(tmpdir(), "framewire-jetstream-"));
      const nats = await startNats(`jetstream { store_dir: ${JSON.stringify(folder)} }`);
      try {
        const module = await natsModule(client);
        await over(nats, () =>
          see("natsStreams", {
            newBackplane: (port) => natsStreams(module, natsOptions(port)),
            port: nats.port,
            stop: nats,
          }),
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { postgresBackplane, type PostgresBackplaneOptions } from "../../adapters/postgres/index.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import { adapter } from "../support/adapter.ts";
import { describeBackplane, nodesAt, nodesOf } from "../support/backplane-suite.ts";
import { describeOutages } from "../support/outage-suite.ts";
import { describeRuntimes } from "../support/processes.ts";
import { nameOf } from "../support/server.ts";
import {
  guarded,
  hasPgbouncer,
  hasPostgres,
  postgresClients,
  startPgbouncer,
  startPostgres,
  type TestPostgres,
} from "../support/postgres.ts";

describe.skipIf(!hasPostgres)("PostgreSQL by pg", () => {
  let postgres: TestPostgres;
  const newBackplane = async (
    port: number,
    options: PostgresBackplaneOptions = {},
  ): Promise<Backplane> =>
    postgresBackplane(await postgresClients(port), { maxDelay: 50, ...options });

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres.remove());

  describeBackplane("a channel for each topic", () => newBackplane(postgres.port));

  describeOutages({ broker: () => postgres, newBackplane });

  describeRuntimes(() => ["postgres", String(postgres.port)]);

  /** Runs what somebody else does in the database. */
  const sql = async (text: string): Promise<unknown[]> => {
    const client = (await postgresClients(postgres.port))();
    client.on("error", () => {});
    await client.connect();
    const { rows } = await client.query({ text });
    await client.end();
    return rows;
  };
  const large = (name: string): string => name + "x".repeat(20_000);
  const firstLetters = (texts: readonly unknown[]): string =>
    texts.map((text) => String(text)[0]).join("");

  describe("messages that are too large for a notification", () => {
    const { start } = nodesOf(() => newBackplane(postgres.port));

    it("come in the order of all", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("tea");
      for (const text of ["0", large("1"), "2", "3", large("4"), large("5"), "6"]) {
        a.server.publish("tea", text);
      }
      await expect.poll(() => firstLetters(heard)).toBe("0123456");
      expect(heard[4]).toBe(large("4"));
      expect(b.events).toEqual([]);
    });

    it("come on where somebody has dropped the table", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("tea");
      await a.server.publish("tea", large("1")).carried;
      await expect.poll(() => heard.length).toBe(1);
      await sql("DROP TABLE framewire_messages");
      // Both make it anew.
      await Promise.all([a, b].map(({ server }) => server.publish("tea", large("2")).carried));
      await expect.poll(() => firstLetters(heard)).toBe("122");
      expect([a.events, b.events]).toEqual([[], []]);
    });

    it("are told as a gap where their row is gone, and what is behind them comes", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("tea");
      // One whose row was deleted, as whoever reads it too late finds it.
      await sql(`SELECT pg_notify('framewire:tea', 'r${"0".repeat(32)}.1')`);
      await a.server.publish("tea", "behind").carried;
      await expect.poll(() => heard).toEqual(["behind"]);
      expect(b.events).toEqual(["gap"]);
    });

    it("are deleted after a time, those of servers that have died among them", async () => {
      const quick = nodesAt(() => newBackplane(postgres.port, { table: "short", rowTime: 100 }));
      try {
        const { server } = await quick.start();
        await server.publish("tea", large("1")).carried;
        await sql(
          `INSERT INTO short (id, envelope, kept) VALUES ('dead', '', now() - interval '1 day')`,
        );
        await expect.poll(() => sql("SELECT id FROM short"), { timeout: 10_000 }).toEqual([]);
      } finally {
        await quick.stop();
      }
    });

    it("are carried when PostgreSQL is back, in order, where it dies among them", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("tea");
      const carried: Promise<unknown>[] = [];
      for (let number = 0; number < 60; number++) {
        carried.push(a.server.publish("tea", `${number} ${large("")}`).carried);
        if (number === 20) await carried[10];
      }
      await postgres.kill();
      await postgres.start();
      await Promise.all(carried);
      a.server.publish("tea", "the end");
      await expect.poll(() => heard.at(-1), { timeout: 10_000 }).toBe("the end");
      const numbers = heard.slice(0, -1).map((data) => parseInt(String(data)));
      expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
      expect(b.events).toEqual(expect.arrayContaining(["down DOWN", "up", "gap"]));
    });
  });

  describe("what is none of framewire's", () => {
    const { start } = nodesOf(() => newBackplane(postgres.port));

    it("is counted where it comes on a channel, and dropped", async () => {
      const b = await start();
      const { heard } = await b.listen("tea");
      const payloads = ["", "hello", "e", "e%%%", "r", "r; DROP", "eRlcB", "grün"];
      await sql(payloads.map((payload) => `NOTIFY "framewire:tea", '${payload}'`).join(";"));
      await expect.poll(() => b.server.backplane!.counters.dropped).toBe(8);
      expect(heard).toEqual([]);
      expect(b.errors).toEqual([]);
    });
  });

  it("has topics of names that SQL would mistake", async () => {
    const nodes = nodesAt(() => newBackplane(postgres.port));
    try {
      const [a, b] = await Promise.all([nodes.start(), nodes.start()]);
      const { heard } = await b.listen("first");
      const [ws] = b.server.connections;
      const names = [
        `"; UNLISTEN *; --`,
        `'`,
        "\\",
        "\0",
        "\ud83e",
        "TEA",
        "tea",
        "ü".repeat(1024),
      ];
      for (const topic of names) expect(await ws!.subscribe(topic)).toBe(true);
      for (const topic of names) a.server.publish(topic, topic === "\ud83e" ? "half" : topic);
      await expect.poll(() => heard.length).toBe(names.length);
      expect(heard).toEqual(names.map((topic) => (topic === "\ud83e" ? "half" : topic)));
    } finally {
      await nodes.stop();
    }
  });

  describe("a connection that is lost", () => {
    const { start } = nodesOf(() => newBackplane(postgres.port, { timeout: 300 }));
    const back = ["down DOWN", "up", "gap"];

    it.each([
      ["publishes", "query NOT LIKE '%LISTEN%'"],
      ["listens", "query LIKE '%LISTEN%'"],
    ])("is opened again where PostgreSQL ends the one that %s", async (_, which) => {
      const node = await start();
      const { heard } = await node.listen("tea");
      const ended = await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND ${which}`,
      );
      expect(ended.length).toBe(1);
      await expect.poll(() => node.events).toEqual(back);
      const other = await start();
      await other.server.publish("tea", "hot").carried;
      await expect.poll(() => heard).toEqual(["hot"]);
    });

    it("is noticed where PostgreSQL stands still, and nobody asks it for anything", async () => {
      const node = await start();
      await node.listen("tea");
      postgres.pause();
      try {
        await expect.poll(() => node.events).toEqual(["down DOWN"]);
      } finally {
        postgres.resume();
      }
      await expect.poll(() => node.events).toEqual(back);
    });
  });

  describe.skipIf(!hasPgbouncer)("through pgbouncer", () => {
    const password = "secret";
    const over = async (
      mode: "session" | "transaction",
      use: (newBackplane: (more?: object) => Promise<Backplane>) => Promise<void>,
    ): Promise<void> => {
      const pooler = await startPgbouncer(postgres.port, mode);
      try {
        await use(async (more = {}) =>
          postgresBackplane(await postgresClients(pooler.port, { password, ...more }), {
            timeout: 3000,
          }),
        );
      } finally {
        await pooler.kill();
      }
    };

    it("that keeps a connection for each client, small and large messages come", () =>
      over("session", async (newBackplane) => {
        const nodes = nodesAt(newBackplane);
        try {
          const [a, b] = await Promise.all([nodes.start(), nodes.start()]);
          const { heard } = await b.listen("tea");
          for (const text of ["1", large("2"), "3"]) a.server.publish("tea", text);
          await expect.poll(() => firstLetters(heard)).toBe("123");
        } finally {
          await nodes.stop();
        }
      }));

    it("that lends its connections for a transaction, no server is let in", () =>
      over("transaction", async (newBackplane) => {
        // At once, so that each may get the connections of the others.
        const serving = Array.from({ length: 3 }, async () =>
          adapter.serve({ port: 0, backplane: await newBackplane() }, {}),
        );
        for (const result of await Promise.allSettled(serving)) {
          expect(result).toMatchObject({ reason: { name: "NotNotifiedError" } });
        }
      }));

    it.each([
      ["a wrong password", { password: "wrong" }, "password authentication failed"],
      ["an unknown database", { database: "nowhere" }, "no such database"],
    ])("no server is let in with %s", (_, more, message) =>
      over("session", async (newBackplane) => {
        const backplane = await newBackplane(more);
        await expect(adapter.serve({ port: 0, backplane }, {})).rejects.toThrow(message);
      }),
    );
  });

  describe("a database that may only be read", () => {
    const { start } = nodesOf(() => newBackplane(postgres.port));

    it("refuses large messages, and others go on", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("tea");
      const readOnly = async (value: "on" | "off"): Promise<void> => {
        await sql(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
        await sql("SELECT pg_reload_conf()");
        const of = "SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only'";
        await expect.poll(() => sql(of)).toEqual([{ setting: value }]);
      };
      await readOnly("on");
      try {
        // The connections of the servers learn of it when they are asked for something.
        const refused = async (): Promise<unknown> => {
          const { carried } = a.server.publish("tea", large("1"));
          return carried.then(
            () => "carried",
            (error: unknown) => nameOf(error),
          );
        };
        await expect.poll(refused).toBe("REFUSED");
        await a.server.publish("tea", "small").carried;
        await expect.poll(() => heard.at(-1)).toBe("small");
        expect([a.events, b.events]).toEqual([[], []]);
      } finally {
        await readOnly("off");
      }
      await a.server.publish("tea", large("2")).carried;
    });
  });

  describe("rights", () => {
    const serve = async (more: object): Promise<Awaited<ReturnType<typeof adapter.serve>>> => {
      const backplane = postgresBackplane(await postgresClients(postgres.port, more));
      return adapter.serve({ port: 0, backplane }, {});
    };

    beforeAll(async () => {
      await sql(`CREATE ROLE ${guarded} LOGIN PASSWORD 'secret'`);
    });

    afterEach(async () => {
      await sql("DROP TABLE IF EXISTS framewire_messages");
    });

    it.each([
      ["no password", { user: guarded }, /password must be a string/],
      ["a wrong password", { user: guarded, password: "wrong" }, /authentication failed/],
      ["an unknown login", { user: "nobody" }, /does not exist/],
      ["an unknown database", { database: "nowhere" }, /does not exist/],
    ])("refuse a server with %s", async (_, more, message) => {
      await expect(serve(more)).rejects.toThrow(message);
    });

    it("refuse a server whose connections do not hear each other, as with a pooler for transactions", async () => {
      const databases = ["postgres", "template1"];
      let made = 0;
      const clients = await Promise.all(
        databases.map((database) => postgresClients(postgres.port, { database })),
      );
      const backplane = postgresBackplane(() => clients[made++ % 2]!());
      await expect(adapter.serve({ port: 0, backplane }, {})).rejects.toThrow(
        "PostgreSQL does not notify this connection",
      );
    });

    it("are enough to use a table that somebody else has made as docs/scaling.md says", async () => {
      const [, statements] = /```sql\n([^`]*)```/.exec(readFileSync("docs/scaling.md", "utf8"))!;
      await sql(statements!.replace("TO application", `TO ${guarded}`));
      const server = await serve({ user: guarded, password: "secret" });
      try {
        await server.publish("tea", large("1")).carried;
      } finally {
        await server.shutdown();
      }
    });

    it("are not needed for a table where nothing is large", async () => {
      const server = await serve({ user: guarded, password: "secret" });
      try {
        const results = ["small", large("1"), "small"].map((text) =>
          server.publish("tea", text).carried.then(
            () => "carried",
            (error: unknown) => nameOf(error),
          ),
        );
        expect(await Promise.all(results)).toEqual(["carried", "REFUSED", "carried"]);
        expect(server.backplane!.state).toBe("up");
      } finally {
        await server.shutdown();
      }
    });
  });
});

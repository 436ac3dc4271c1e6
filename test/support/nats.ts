import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { NatsConnect, NatsModule } from "../../adapters/nats/index.ts";
import { startBroker, type TestBroker } from "./broker.ts";

/** The clients of NATS, and the packages that have them. */
export const natsClients = { "nats.js 2": "nats", "nats.js 3": "@nats-io/transport-node" };

/** Whether there is a NATS to be started, and its clients. In CI what is absent is a failure. */
export const hasNats: boolean =
  process.env["CI"] === "true" ||
  (Object.values(natsClients).every((name) => existsSync(`node_modules/${name}`)) &&
    spawnSync("nats-server", ["--version"]).status === 0);

/** Starts a NATS on a port of its own, with a configuration. */
export async function startNats(configuration = ""): Promise<TestBroker> {
  const file = join(tmpdir(), `framewire-nats-${randomUUID()}.conf`);
  // It is read at the start, and not needed any more: a run that is cut short leaves nothing behind.
  const withFile = async <Result>(start: () => Promise<Result>): Promise<Result> => {
    // What the suite publishes: the default is 1 MiB, and the envelope has 32 bytes more.
    writeFileSync(file, `max_payload: 4MB\n${configuration}`);
    try {
      return await start();
    } finally {
      rmSync(file);
    }
  };
  const broker = await withFile(() =>
    startBroker(
      (port) => ["nats-server", "-a", "127.0.0.1", "-p", String(port), "-c", file],
      "Server is ready",
    ),
  );
  return { ...broker, start: () => withFile(broker.start) };
}

/** Gives a client's `connect`: tests that need no NATS do without the packages. */
export async function natsConnect(
  name: keyof typeof natsClients,
): Promise<NatsConnect<Record<string, unknown>>> {
  const { connect } = (await import(/* @vite-ignore */ natsClients[name])) as {
    connect: NatsConnect<Record<string, unknown>>;
  };
  return connect;
}

/** Gives a client's whole module, likewise. */
export async function natsModule(
  name: keyof typeof natsClients,
): Promise<NatsModule<Record<string, unknown>>> {
  return (await import(/* @vite-ignore */ natsClients[name])) as NatsModule<
    Record<string, unknown>
  >;
}

/** Options that connect to it, and soon again where it was away. */
export function natsOptions(port: number, more: object = {}): Record<string, unknown> {
  return { servers: `127.0.0.1:${port}`, reconnectTimeWait: 20, reconnectJitter: 0, ...more };
}

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import { Conversation } from "./conversation.ts";
import { scenarios } from "./scenarios.mjs";

const runtimes = ["node", "deno", "bun"] as const;

const servers = new Map<string, Conversation>();
const clients = new Map<string, Conversation>();

beforeAll(async () => {
  for (const runtime of runtimes) {
    const command = runtimeCommand(runtime);
    servers.set(runtime, await Conversation.start([...command, "test/matrix/server.mjs"]));
    clients.set(runtime, await Conversation.start([...command, "test/matrix/client.mjs"]));
  }
});

afterAll(async () => {
  for (const program of [...servers.values(), ...clients.values()]) await program.end();
});

const pairs = runtimes.flatMap((server) => runtimes.map((client) => [server, client] as const));

describe.each(pairs)("a server on %s and a client on %s", (serverRuntime, clientRuntime) => {
  it.each(scenarios.map((one) => [one.name, one.expected] as const))(
    "%s",
    async (name, expected) => {
      const server = servers.get(serverRuntime)!;
      const { id, port } = await server.ask({ begin: name });
      const client = await clients.get(clientRuntime)!.ask({ run: name, port });
      const { trace } = await server.ask({ end: id });

      expect({ client: client["trace"], server: trace }).toEqual(expected);
    },
  );
});

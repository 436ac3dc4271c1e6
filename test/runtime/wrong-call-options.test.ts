import { afterEach, describe, expect, it } from "vitest";
import { createServer } from "../../adapters/streams/index.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { Ends } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";

const ends = new Ends();
afterEach(() => ends.finish());

type Call = (ws: Connection, server: Server, options: object) => unknown;

/** Calls with options: what each knows, and what it says of one of a wrong type. */
const calls: readonly [name: string, known: string, expected: string, call: Call][] = [
  ["send", "compress", "true or false", (ws, _, options) => ws.send("a", options)],
  ["prepareMessage", "compress", "true or false", (_, __, options) => prepareMessage("a", options)],
  ["beginMessage", "binary", "true or false", (ws, _, options) => ws.beginMessage(options)],
  ["sendStream", "compress", "true or false", (ws, _, options) => ws.sendStream(["a"], options)],
  [
    "receive",
    "timeout",
    "a number of milliseconds",
    (ws, _, options) => ws.receive({ ...options }),
  ],
  [
    "receiveStream",
    "timeout",
    "a number of milliseconds",
    (ws, _, options) => ws.receiveStream(options),
  ],
  [
    "close",
    "deadline",
    "a number of milliseconds",
    (ws, _, options) => ws.close(1000, "", options),
  ],
  [
    "Connection.publish",
    "slow",
    'one of "buffer", "drop", "close"',
    (ws, _, options) => ws.publish("a", "b", options),
  ],
  [
    "Server.publish",
    "slow",
    'one of "buffer", "drop", "close"',
    (_, server, options) => server.publish("a", "b", options),
  ],
  [
    "broadcast",
    "slow",
    'one of "buffer", "drop", "close"',
    (_, server, options) => server.broadcast("a", options),
  ],
  ["broadcast", "except", "a connection", (_, server, options) => server.broadcast("a", options)],
  ["shutdown", "drain", "true or false", (_, server, options) => server.shutdown(options)],
];

describe(`options of calls, on ${runtime}`, () => {
  it.each(calls)(
    "%s refuses what it does not know, and a wrong type of %s, and does nothing",
    async (_, known, expected, call) => {
      const { server, opened } = await ends.serve({});
      const { peer } = await ends.open(server);
      const ws = await opened;
      const given = (options: object) => (): unknown => call(ws, server, options);
      const unknown = `${known.slice(0, -1)}${known.at(-1)!.toUpperCase()}`;
      expect(given({ [unknown]: true })).toThrow(
        new TypeError(`Unknown option ${unknown}: did you mean ${known}?`),
      );
      expect(given({ [known]: "no" })).toThrow(
        new TypeError(`${known} must be ${expected}: "no" is a string`),
      );
      expect(given({ [known]: null })).toThrow(new TypeError(`${known} must be ${expected}: Null`));
      // Nothing was sent, closed or shut down.
      await ws.send("still here");
      await peer.seen("text still here");
      expect(peer.lines).toEqual(["open", "text still here"]);
    },
  );

  it("connectStream() refuses what it does not know, and a wrong type", async () => {
    const given = (options: object): Promise<unknown> =>
      adapter.connectStream({ hostname: "127.0.0.1", port: 1, ...options });
    await expect(given({ hostName: "a" })).rejects.toThrow(
      new TypeError("Unknown option hostName: did you mean hostname?"),
    );
    await expect(given({ port: "80" })).rejects.toThrow(
      new TypeError('port must be a number: "80" is a string; write 80'),
    );
    await expect(given({ tls: true })).rejects.toThrow(
      new TypeError("tls must be an object such as { ca }: true is a boolean"),
    );
  });

  it("createServer() of framewire/streams says that it does not listen", () => {
    for (const place of [{ port: 8080 }, { path: "/tmp/a" }, { tls: { cert: "", key: "" } }]) {
      const [name] = Object.keys(place);
      expect(() => createServer(place as object, {})).toThrow(
        new TypeError(
          `Unknown option ${name}: this server does not listen; give it its connections by accept()`,
        ),
      );
    }
    createServer({ maxConnections: 5 }, {});
  });
});

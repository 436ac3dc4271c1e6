import { describe, expect, it } from "vitest";
import { memoryPair } from "../../adapters/memory/index.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { adoptKnown, adoptOn, type AdoptOptions } from "../../src/connection/adopt.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { ErrorSource } from "../../src/connection/error-source.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { RuntimeServices } from "../../src/connection/runtime-services.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import type { Transport } from "../../src/transport.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { ShiftExtension } from "../support/shift-extension.ts";

/** What is the same for both ends of a test's connection. */
interface Both {
  readonly extensions?: string;
  readonly options?: ConnectionOptions;
  readonly host?: RuntimeServices;
}

/** Adopts both ends of a connection in memory; the server's has `handlers`. */
function adoptPair(
  { extensions, options, host }: Both = {},
  handlers: Handlers = {},
): { server: Connection; client: Connection; clock: FakeClock } {
  const [ours, theirs] = memoryPair();
  const clock = new FakeClock();
  const both = { extensions, options, clock };
  const server = adoptOn(ours, { side: "server", ...both }, handlers, host);
  const client = adoptOn(theirs, { side: "client", ...both }, {}, host);
  return { server, client, clock };
}

/** The bytes of a client's messages. */
function framesOf(...texts: string[]): Uint8Array {
  const nothing = (): void => {};
  const endpoint = new Endpoint("client", {
    onText: nothing,
    onBinary: nothing,
    onPing: nothing,
    onPong: nothing,
    onFail: nothing,
    onResume: nothing,
    onOutput: nothing,
  });
  for (const text of texts) endpoint.sendText(text);
  return endpoint.output.take()!.slice();
}

describe("adoptOn()", () => {
  it("makes a connection of each end, and both send, receive and close as others do", async () => {
    const { server, client } = adoptPair({}, { message: (ws, data) => void ws.send(data) });
    void client.send("Hello");
    expect(await client.receive()).toBe("Hello");
    expect(await client.close(4000, "bye")).toMatchObject({ status: 4000, clean: true });
    expect(await server.closed).toMatchObject({ status: 4000, reason: "bye", initiator: "peer" });
  });

  it("gives an open connection at once, after it has called open, with the handshake's results in its fields", () => {
    const [ours] = memoryPair();
    const states: string[] = [];
    const peer = {
      address: "192.0.2.7",
      port: 7,
      encrypted: true,
      host: "example.org",
      proxied: undefined,
    };
    const ws = adoptOn(
      ours,
      { side: "server", protocol: "chat", target: "/room?id=1", context: { user: "ann" }, peer },
      { open: ({ state, context }) => void states.push(`${state} ${context.user}`) },
    );
    expect(states).toEqual(["open ann"]);
    const { protocol, extensions, target, context, response } = ws;
    expect({ protocol, extensions, target, context, response }).toEqual({
      protocol: "chat",
      extensions: "",
      target: "/room?id=1",
      context: { user: "ann" },
      response: undefined,
    });
    expect(ws.peer).toBe(peer);
  });

  it("has defaults: no subprotocol, the path /, the address of the socket", () => {
    const [ours] = memoryPair();
    const transport = Object.assign(ours, { remoteAddress: "::ffff:192.0.2.1", remotePort: 9 });
    const { protocol, target, context, peer, remoteAddress, remotePort } = adoptOn(transport, {
      side: "client",
    });
    expect({ protocol, target, context, remoteAddress, remotePort }).toEqual({
      protocol: "",
      target: "/",
      context: undefined,
      remoteAddress: "192.0.2.1",
      remotePort: 9,
    });
    expect(peer).toMatchObject({ address: "192.0.2.1", port: 9, encrypted: false });
  });

  it("delivers what came after the handshake before it returns, from a copy of the bytes", () => {
    const [ours] = memoryPair();
    const early = framesOf("one", "two");
    const before = early.slice();
    const messages: unknown[] = [];
    adoptOn(ours, { side: "server", early }, { message: (_, data) => void messages.push(data) });
    expect(messages).toEqual(["one", "two"]);
    expect(early).toEqual(before);
  });

  it("respects the options of a connection", async () => {
    const { server, client } = adoptPair({ options: { maxMessageSize: 4 } });
    void client.send("12345");
    expect(await client.closed).toMatchObject({ status: 1009 });
    await server.closed;
  });

  it("reports what its handlers throw as the option unhandledErrors says, and names the side", async () => {
    const told: unknown[] = [];
    const unhandledErrors = (error: unknown, { side, path }: ErrorSource): void =>
      void told.push([(error as Error).message, side, path]);
    const [ours, theirs] = memoryPair();
    const options = { unhandledErrors };
    const clock = new FakeClock();
    const fail = (text: string) => () => {
      throw new Error(text);
    };
    const server = adoptOn(
      ours,
      { side: "server", options, clock, target: "/chat?token=1" },
      { message: fail("of the server") },
    );
    const client = adoptOn(
      theirs,
      { side: "client", options, clock },
      { open: fail("of the client") },
    );
    void client.send("x");
    await Promise.all([server.closed, client.closed]);
    expect(told).toContainEqual(["of the client", "client", "/"]);
  });

  it("calls its handlers in the context of the call, and reports to the runtime's observer", async () => {
    const events: string[] = [];
    const note = (event: string) => () => void events.push(event);
    const host: RuntimeServices = {
      observer: {
        opened: note("opened"),
        failed: note("failed"),
        closed: note("closed"),
        refused: note("refused"),
      },
      bindContext: () => (task) => {
        events.push("in context");
        task();
      },
    };
    const [ours] = memoryPair();
    const ws = adoptOn(ours, { side: "server", clock: new FakeClock() }, {}, host);
    ws.terminate();
    await ws.closed;
    expect([...new Set(events)]).toEqual(["opened", "in context", "closed"]);
  });

  describe("with extensions", () => {
    const extensions = "permessage-deflate; client_max_window_bits=10";
    const host = { engine: zlibEngine() };

    it.each([
      ["of the runtime", { compression: { threshold: 0 } }],
      ["that all connections share", { compression: true }],
    ])("compresses if that was agreed on, with an engine %s", async (_, options) => {
      const { server, client } = adoptPair({ extensions, options, host });
      expect([server.extensions, client.extensions]).toEqual([extensions, extensions]);
      void client.send("a".repeat(1000));
      expect(await server.receive()).toBe("a".repeat(1000));
      expect(server.counters.received.bytes).toBeLessThan(50);
      client.terminate();
    });

    it("opens those of the option extensions, in the order that was agreed on, and closes them at the end", async () => {
      const one = new ShiftExtension({ name: "x-one", rsv: 2 });
      const two = new ShiftExtension({ name: "x-two", rsv: 1 });
      const options = { extensions: [one, two] };
      const { server, client } = adoptPair({ extensions: "x-two;by=1,x-one;by=1", options });
      expect(server.extensions).toBe("x-two; by=1, x-one; by=1");
      void client.send(Uint8Array.of(1, 2, 3));
      expect(await server.receive()).toEqual(Uint8Array.of(1, 2, 3));
      client.terminate();
      server.terminate();
      await Promise.all([server.closed, client.closed]);
      expect([one.opened, one.closed, two.opened, two.closed]).toEqual([2, 2, 2, 2]);
    });

    it.each([
      ["no list of them", "permessage-deflate;;", { compression: true }],
      ["one that the options do not have", "x-other", { compression: true }],
      ["compression that is not switched on", "permessage-deflate", {}],
      ["parameters that nobody offers", "permessage-deflate; x=1", { compression: true }],
    ])("refuses %s, and leaves the transport alone", (_, wrong, options) => {
      const [ours] = memoryPair();
      const { handler } = ours;
      const adopted: AdoptOptions = { side: "server", extensions: wrong, options };
      expect(() => adoptOn(ours, adopted, {}, host)).toThrow(
        new TypeError(
          wrong.includes(";;")
            ? "extensions is no list of extensions: permessage-deflate;;"
            : `extensions must be such as options.compression or options.extensions allow: ${wrong}`,
        ),
      );
      expect(ours.handler).toBe(handler);
    });
  });

  it("checks options once for each object, and resolves them once for each runtime and clock", () => {
    let reads = 0;
    const options: ConnectionOptions = {
      get maxLifetime() {
        reads++;
        return 1;
      },
    };
    const clock = new FakeClock();
    /** Gives how often the options are read to adopt a connection. */
    const readsOf = (its: Partial<AdoptOptions>, host?: RuntimeServices): number => {
      const before = reads;
      adoptOn(memoryPair()[0], { side: "server", options, ...its }, {}, host).terminate();
      return reads - before;
    };
    const [first, second] = [readsOf({}), readsOf({})];
    expect(second).toBe(0);
    const host = {};
    const [ofHost, ofClock] = [readsOf({}, host), readsOf({ clock }, host)];
    expect([ofHost > 0, ofClock]).toEqual([true, ofHost]);
    expect(ofHost).toBeLessThan(first);
  });

  const wrong: readonly (readonly [string, unknown, unknown, unknown, string])[] = [
    ["no transport", undefined, { side: "server" }, {}, "transport must be a Transport, such as"],
    ["a socket", { write() {} }, { side: "server" }, {}, "transport must be a Transport, such as"],
    ["no options", memoryPair()[0], undefined, {}, "options must be an object: Undefined"],
    ["no side", memoryPair()[0], {}, {}, 'side must be "client" or "server": Undefined'],
    [
      "another side",
      memoryPair()[0],
      { side: "peer" },
      {},
      'side must be one of "client", "server"',
    ],
    [
      "text as early bytes",
      memoryPair()[0],
      { side: "client", early: "x" },
      {},
      "early must be a Uint8Array",
    ],
    [
      "a handler among the options",
      memoryPair()[0],
      { side: "client", message() {} },
      {},
      "message is a handler",
    ],
    [
      "an option among the handlers",
      memoryPair()[0],
      { side: "client" },
      { target: "/" },
      "target is an option",
    ],
    [
      "an unknown option of the connection",
      memoryPair()[0],
      { side: "client", options: { maxPayload: 1 } },
      {},
      "Unknown option options.maxPayload: did you mean maxMessageSize?",
    ],
  ];
  it.each(wrong)("throws a TypeError for %s", (_, transport, adopted, handlers, message) => {
    const call = () =>
      adoptOn(transport as Transport, adopted as AdoptOptions, handlers as Handlers);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });

  it("throws a RangeError for an invalid limit", () => {
    const options = { maxMessageSize: -1 };
    expect(() => adoptOn(memoryPair()[0], { side: "server", options })).toThrow(RangeError);
  });
});

describe("adoptKnown()", () => {
  it("checks options that are new to it, each time until they are right", () => {
    const [ours] = memoryPair();
    const wrong = { maxMessageSize: -1 };
    for (let time = 0; time < 2; time++) {
      const adopt = (): unknown => adoptKnown(ours, { side: "server", options: wrong }, {}, {});
      expect(adopt).toThrow(RangeError);
    }
  });

  it("makes connections as adoptOn() does, with new options and with known ones", async () => {
    const options = { maxMessageSize: 100 };
    const host = {};
    for (let time = 0; time < 2; time++) {
      const [ours, theirs] = memoryPair();
      adoptKnown(
        ours,
        { side: "server", options },
        { message: (ws, data) => void ws.send(data) },
        host,
      );
      const client = adoptOn(theirs, { side: "client" });
      void client.send("Hello");
      expect(await client.receive()).toBe("Hello");
      client.terminate();
    }
  });
});

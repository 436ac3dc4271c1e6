import { EventEmitter } from "node:events";
import process from "node:process";
import { describe, expect, it } from "vitest";
import {
  type CheckedTls,
  Handshakes,
  listening,
  type ListeningRuntime,
  type Place,
} from "../../adapters/listening.ts";
import { Deadlines } from "../../src/clock.ts";
import type { EventServer, Listener, ListenOptions } from "../../src/transport.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { failure } from "../support/streams.ts";

const tls = { cert: "certificate", key: "key" };
const listener: Listener = { port: 80, hostname: "192.0.2.1", close: async () => {} };

/** A runtime that writes down what it is asked for. */
function newRuntime(): ListeningRuntime & { asked: [Place, CheckedTls | undefined][] } {
  const asked: [Place, CheckedTls | undefined][] = [];
  return {
    asked,
    listen(place, checked) {
      asked.push([place, checked]);
      return listener;
    },
  };
}

const newServer = (): EventServer =>
  Object.assign(new EventEmitter(), { address: () => null, close() {} });

const listen = (options: ListenOptions, runtime: ListeningRuntime = newRuntime()) =>
  listening(runtime, options, () => {});

describe("listening()", () => {
  it.each<[ListenOptions, Place, CheckedTls | undefined]>([
    [{ port: 0 }, { port: 0, hostname: "::", reusePort: false }, undefined],
    [
      { port: 65_535, hostname: "::1", reusePort: true },
      { port: 65_535, hostname: "::1", reusePort: true },
      undefined,
    ],
    [{ path: "/run/x" }, { path: "/run/x" }, undefined],
    [{ path: "/run/x", tls }, { path: "/run/x" }, { ...tls, handshakeTimeout: 10_000 }],
    [
      { port: 1, tls: { ...tls, handshakeTimeout: 0, own: 1 } },
      { port: 1, hostname: "::", reusePort: false },
      { ...tls, handshakeTimeout: Infinity, own: 1 },
    ],
    [
      { port: 1, tls: { ...tls, handshakeTimeout: 5 } },
      { port: 1, hostname: "::", reusePort: false },
      { ...tls, handshakeTimeout: 5 },
    ],
  ])("asks the runtime to listen with %o", async (options, place, checked) => {
    const runtime = newRuntime();
    expect(await listen(options, runtime)).toBe(listener);
    expect(runtime.asked).toEqual([[place, checked]]);
  });

  it.each<[ListenOptions, RegExp]>([
    [{}, /^Give one of port, path, server, listener to listen on, not none$/],
    [{ hostname: "localhost" }, /not none$/],
    [{ port: undefined }, /not none$/],
    [{ port: 0, path: "/run/x" }, /not port and path$/],
    [{ path: "/run/x", server: newServer() }, /not path and server$/],
    [{ path: "" }, /^path is empty/],
    [{ server: newServer(), backlog: 5 }, /^backlog needs port or path: the server that was given/],
    [{ listener: newServer(), backlog: 5 }, /the listener that was given has a backlog already$/],
    [{ path: "/run/x", reusePort: true }, /^reusePort goes with port: what is given as path has/],
    [{ server: newServer(), reusePort: true }, /what is given as server has its own way$/],
    [{ server: newServer(), tls }, /^tls goes with port or path: what is given as server/],
    [{ listener: newServer(), tls }, /^tls goes with port or path: what is given as listener/],
    [{ port: 0, tls: {} as typeof tls }, /^tls\.cert must be text in PEM/],
    [{ port: 0, tls: { ...tls, cert: "" } }, /^tls\.cert must be text in PEM/],
    [
      { port: 0, tls: { ...tls, key: new Uint8Array(1) as never } },
      /^tls\.key must be text in PEM/,
    ],
    [{ listener: { addr: {}, accept: async () => {}, close() {} } }, /^listener must be a server/],
    [{ listener: {} as EventServer }, /^listener must be a server/],
    [
      { server: {} as EventServer },
      /^server must be a server of node:http, node:https or node:http2/,
    ],
  ])("refuses %o", async (options, message) => {
    const runtime = newRuntime();
    const error = await failure(() => listen(options, runtime));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(message);
    expect(runtime.asked).toEqual([]);
  });

  it("listens on IPv4 alone if it cannot listen on both families", async () => {
    const asked: unknown[] = [];
    const without: ListeningRuntime = {
      listen({ hostname }) {
        asked.push(hostname);
        if (hostname === "::") throw Object.assign(new Error("no"), { code: "EAFNOSUPPORT" });
        return listener;
      },
    };
    expect(await listen({ port: 80 }, without)).toBe(listener);
    expect(asked).toEqual(["::", "0.0.0.0"]);
    await expect(listen({ port: 80, hostname: "::" }, without)).rejects.toMatchObject({
      code: "FAILED",
    });
  });

  it("does not share a port that is in use on one of the families", async () => {
    const asked: unknown[] = [];
    const used: ListeningRuntime = {
      listen({ hostname }) {
        asked.push(hostname);
        throw Object.assign(new Error("used"), { code: "EADDRINUSE" });
      },
    };
    await expect(listen({ port: 80 }, used)).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    expect(asked).toEqual(["::"]);
  });

  it("passes on the length of the system's queue", async () => {
    for (const where of [{ port: 0 }, { path: "/run/x" }]) {
      const runtime = newRuntime();
      await listen({ ...where, backlog: 7 }, runtime);
      expect(runtime.asked[0]![0]).toMatchObject({ backlog: 7 });
    }
    for (const backlog of [0, -1, 1.5, NaN, 2 ** 31]) {
      await expect(listen({ port: 0, backlog })).rejects.toThrow(
        new RangeError(`backlog must be a whole number from 1 to 2147483647: ${backlog}`),
      );
    }
  });

  it("refuses reusePort if the kernel does not share out connections", async () => {
    const linux = Object.getOwnPropertyDescriptor(process, "platform")!;
    Object.defineProperty(process, "platform", { configurable: true, get: () => "win32" });
    try {
      await expect(listen({ port: 0, reusePort: true })).rejects.toThrow(
        /^reusePort needs Linux.*, not win32$/,
      );
    } finally {
      Object.defineProperty(process, "platform", linux);
    }
  });

  it("tells the runtime what is wanted of its connections", async () => {
    const told: unknown[] = [];
    const options = { port: 0, noDelay: false, keepAlive: 5000 };
    const runtime = { listen: (...[, , , tcp]: unknown[]) => (told.push(tcp), listener) };
    await listen(options, runtime);
    expect(told).toEqual([options]);
  });

  it.each<[ListenOptions, string]>([
    [
      { port: 0, keepAlive: 999 },
      "keepAlive must be true, false, or from 1000 to 32767000 milliseconds: 999",
    ],
    ...[-1, 65_536, 0.5, NaN, "80" as never].map((port): [ListenOptions, string] => [
      { port },
      `port must be a whole number from 0 to 65535: ${port}`,
    ]),
    [
      { port: 0, tls: { ...tls, handshakeTimeout: -1 } },
      "tls.handshakeTimeout must be a number from 0 on: -1",
    ],
    [
      { port: 0, tls: { ...tls, handshakeTimeout: NaN } },
      "tls.handshakeTimeout must be a number from 0 on: NaN",
    ],
  ])("refuses %o as out of range", async (options, message) => {
    const error = await failure(() => listen(options));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toBe(message);
  });

  it.each([
    [{ port: 0 }, { code: "EADDRINUSE" }, "ADDRESS_IN_USE"],
    [{ port: 0 }, {}, "FAILED"],
    [{ port: 0, tls }, { code: "EADDRNOTAVAIL" }, "FAILED"],
    [{ port: 0, tls }, { code: "ERR_OSSL_PEM_NO_START_LINE" }, "TLS_FAILED"],
    [{ port: 0, tls }, {}, "TLS_FAILED"],
  ])("listening with %o, reports a failure with %o as %s", async (options, fields, code) => {
    const cause = Object.assign(new Error("runtime"), fields);
    const thrown = await failure(() =>
      listen(options, {
        listen() {
          throw cause;
        },
      }),
    );
    const rejected = await failure(() => listen(options, { listen: () => Promise.reject(cause) }));
    for (const error of [thrown, rejected]) {
      expect(error).toMatchObject({ name: "TransportError", code, cause });
    }
  });

  it("takes the connections of a server from its events", async () => {
    const server = newServer() as EventServer & EventEmitter;
    await listen({ server });
    expect(server.eventNames()).toEqual(["upgrade"]);
    const connections = newServer() as EventServer & EventEmitter;
    await listen({ listener: connections });
    expect(connections.eventNames()).toEqual(["connection"]);
  });

  it("gives the runtime a listener that has to be asked for connections", async () => {
    const own = { addr: {}, accept: async () => {}, close() {} };
    const runtime = { ...newRuntime(), take: (taken: unknown) => ({ ...listener, taken }) };
    expect(await listen({ listener: own }, runtime)).toMatchObject({ taken: own });
  });
});

/** Handshakes on a clock that stands still, and what they drop. */
function newHandshakes(timeout: number) {
  const clock = new FakeClock();
  const dropped: string[] = [];
  const handshakes = new Handshakes(timeout, new Deadlines(clock));
  const begin = (name: string) => handshakes.begin(() => void dropped.push(name));
  return { clock, dropped, handshakes, begin };
}

describe("Handshakes", () => {
  it("drops those whose time is up, and tells those that end in time from them", () => {
    const { clock, dropped, begin } = newHandshakes(1000);
    const [early, late] = [begin("early"), begin("late")];
    clock.advance(500);
    const second = begin("second");
    expect(early.end()).toBe(true);
    expect(early.end()).toBe(false);
    clock.advance(600);
    expect(dropped).toEqual(["late"]);
    expect([late.end(), second.end()]).toEqual([false, true]);
    clock.advance(5000);
    expect(dropped).toEqual(["late"]);
    expect(clock.running).toBe(0);
  });

  it("drops those that are under way when it is closed", () => {
    const { clock, dropped, handshakes, begin } = newHandshakes(1000);
    begin("done").end();
    const waiting = [begin("first"), begin("second")];
    handshakes.close();
    handshakes.close();
    expect(dropped).toEqual(["first", "second"]);
    expect(waiting.map((handshake) => handshake.end())).toEqual([false, false]);
    expect(clock.running).toBe(0);
  });

  it("waits for ever if told to", () => {
    const { clock, dropped, begin } = newHandshakes(Infinity);
    const handshake = begin("slow");
    clock.advance(1e9);
    expect(dropped).toEqual([]);
    expect(handshake.end()).toBe(true);
  });
});

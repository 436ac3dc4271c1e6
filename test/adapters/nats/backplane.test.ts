import { describe, expect, it } from "vitest";
import { natsBackplane } from "../../../adapters/nats/index.ts";
import type { NatsConnection, NatsStatus } from "../../../adapters/nats/index.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { newMember } from "../../support/backplane-member.ts";

/** Over real clients, to a real NATS: test/runtime/nats.test.ts. Here is what those do seldom. */

interface FakeConnection extends NatsConnection {
  readonly lines: string[];
  readonly end: (error?: unknown) => void;
  tell(status: NatsStatus): void;
}

/** A connection that says what it was asked for, and ends when it is told to. */
function newConnection(): FakeConnection {
  const lines: string[] = [];
  const end = newDeferred<unknown>();
  let told = newDeferred<NatsStatus>();
  return {
    lines,
    end: end.resolve,
    tell: (status) => {
      told.resolve(status);
    },
    request: () => Promise.reject(new Error("no")),
    publish: (subject) => void lines.push(`publish ${subject}`),
    subscribe(subject) {
      lines.push(`subscribe ${subject}`);
      return { unsubscribe: () => void lines.push(`unsubscribe ${subject}`) };
    },
    flush: async () => void lines.push("flush"),
    close: async () => void lines.push("close"),
    closed: () => end.promise,
    async *status() {
      for (;;) {
        yield await told.promise;
        told = newDeferred();
      }
    },
  };
}

describe("natsBackplane()", () => {
  it("refuses a `connect` that is no function", () => {
    expect(() => natsBackplane({} as never, {})).toThrow(TypeError);
  });

  it.each<[object, string]>([
    [{ prefix: 5 }, "prefix must be a string: 5 is a number"],
    [{ Prefix: "a" }, "Unknown option Prefix: did you mean prefix?"],
  ])("refuses wrong options: %o", (options, message) => {
    const connect = async (): Promise<NatsConnection> => newConnection();
    expect(() => natsBackplane(connect, {}, options)).toThrow(new TypeError(message));
  });

  it("lets the client try again for ever, and send nothing back", async () => {
    const given: object[] = [];
    const connection = newConnection();
    const connect = async (options: object): Promise<NatsConnection> => {
      given.push(options);
      return connection;
    };
    await natsBackplane(connect, { name: "tea", noEcho: false }).join(newMember());
    expect(given).toEqual([
      {
        name: "tea",
        noEcho: true,
        reconnect: true,
        maxReconnectAttempts: -1,
        waitOnFirstConnect: false,
      },
    ]);
  });

  it("asks once to confirm all that is done in a turn", async () => {
    const connection = newConnection();
    const membership = await natsBackplane(async () => connection, {}).join(newMember());
    await Promise.all([
      membership.publish("tea", new Uint8Array(1)),
      membership.subscribe("tea"),
      membership.publish("milk", new Uint8Array(1)),
    ]);
    expect(connection.lines).toEqual([
      "publish framewire.tea",
      "subscribe framewire.tea",
      "publish framewire.milk",
      "flush",
    ]);
  });

  it("opens another connection if the client gives one up, and subscribes again to all that is wanted", async () => {
    const connections = [newConnection(), newConnection()];
    const opened: FakeConnection[] = [];
    const connect = async (): Promise<NatsConnection> => {
      opened.push(connections[opened.length]!);
      return opened.at(-1)!;
    };
    const member = newMember();
    const membership = await natsBackplane(connect, { reconnectTimeWait: 1 }).join(member);
    await membership.subscribe("tea");
    member.wanted.add("milk");
    connections[0]!.end(new Error("given up"));
    await expect.poll(() => member.lines).toEqual(["down given up", "up", "gap"]);
    expect(connections[1]!.lines).toEqual(["subscribe framewire.milk", "flush"]);
  });

  it("unsubscribes from what is not wanted any more when a connection is back", async () => {
    const connection = newConnection();
    const member = newMember();
    const membership = await natsBackplane(async () => connection, {}).join(member);
    await membership.subscribe("tea");
    await membership.subscribe("milk");
    member.wanted.add("milk").add("jam");
    connection.tell({ type: "disconnect" });
    await expect.poll(() => member.lines).toEqual(["down NATS has ended the connection"]);
    await expect(membership.publish("tea", new Uint8Array(1))).rejects.toMatchObject({
      code: "DOWN",
    });
    connection.lines.length = 0;
    connection.tell({ type: "reconnect" });
    await expect.poll(() => member.lines.slice(1)).toEqual(["up", "gap"]);
    expect(connection.lines).toEqual([
      "unsubscribe framewire.tea",
      "subscribe framewire.jam",
      "flush",
    ]);
  });

  it("closes a connection that opens after the server has left", async () => {
    const first = newConnection();
    const late = newDeferred<NatsConnection>();
    const answers: Promise<NatsConnection>[] = [Promise.resolve(first), late.promise];
    const asked: unknown[] = [];
    const connect = (): Promise<NatsConnection> => {
      asked.push(0);
      return answers[asked.length - 1]!;
    };
    const membership = await natsBackplane(connect, { reconnectTimeWait: 1 }).join(newMember());
    first.end();
    await expect.poll(() => asked.length).toBe(2);
    await membership.leave(new AbortController().signal);
    const second = newConnection();
    late.resolve(second);
    await expect.poll(() => second.lines).toEqual(["close"]);
  });
});

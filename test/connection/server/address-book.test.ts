import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { Deadlines } from "../../../src/clock.ts";
import { AddressBook } from "../../../src/connection/server/address-book.ts";
import {
  type AddressOptions,
  resolveAddressLimits,
} from "../../../src/connection/server/address-limits.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { upgradeRequest } from "../../support/peer.ts";
import { testServer } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

function newBook(options: AddressOptions): { book: AddressBook; clock: FakeClock } {
  const clock = new FakeClock();
  return { book: new AddressBook(resolveAddressLimits(options)!, new Deadlines(clock)), clock };
}

describe("AddressBook", () => {
  it("counts the connections of each address, and refuses those beyond the limit with 429", () => {
    const { book } = newBook({ maxConnectionsPerAddress: 2 });
    const places = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map((a) => book.enter(a));
    expect(places.map(({ refusal }) => refusal?.status)).toEqual([
      undefined,
      undefined,
      429,
      undefined,
    ]);
    expect(places[2]!.refusal).toMatchObject({
      name: "HandshakeError",
      code: "REJECTED",
      headers: [["Retry-After", "10"]],
      cause: { code: "TOO_MANY_OF_ADDRESS", limit: 2, actual: 3 },
    });
    places[2]!.leave();
    places[0]!.leave();
    expect(book.enter("192.0.2.1").refusal).toBeUndefined();
  });

  it("reports a flood at twice the limit, beyond which no connection is answered", () => {
    const { book } = newBook({ maxConnectionsPerAddress: 2 });
    const all = Array.from({ length: 5 }, () => book.enter("::1").isFlood);
    expect(all).toEqual([false, false, false, false, true]);
  });

  it.each([
    [undefined, "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true],
    [undefined, "2001:db8:0:1::1", "2001:db8:0:2::1", false],
    [128, "2001:db8::1", "2001:db8::2", false],
    [60, "2001:db8:0:10::", "2001:db8:0:1f::", true],
    [60, "2001:db8:0:10::", "2001:db8:0:20::", false],
    [undefined, "fe80::1%eth0", "fe80::2%eth1", true],
    [undefined, "::ffff:192.0.2.1", "192.0.2.1", true],
    [undefined, "192.0.2.1", "192.0.2.2", false],
    [undefined, "memory", "memory", true],
  ])("with ipv6Prefix %s takes %s and %s for one address: %s", (ipv6Prefix, one, other, isSame) => {
    const { book } = newBook({ maxConnectionsPerAddress: 1, ipv6Prefix });
    book.enter(one);
    expect(book.enter(other).refusal !== undefined).toBe(isSame);
  });

  it("admits a number of handshakes a second, and says when another try is worthwhile", () => {
    const { book, clock } = newBook({ handshakesPerAddress: { perSecond: 0.5, burst: 2 } });
    const statuses = (): unknown[] =>
      [1, 2, 3].map(() => {
        const place = book.enter("192.0.2.1");
        place.leave();
        return place.refusal?.headers[0]![1] ?? "in";
      });
    expect(statuses()).toEqual(["in", "in", "2"]);
    clock.advance(2000);
    expect(statuses()).toEqual(["in", "2", "2"]);
    const { refusal } = book.enter("192.0.2.1");
    expect(refusal).toMatchObject({
      status: 429,
      cause: { code: "TOO_MANY_HANDSHAKES", limit: 2, actual: 3 },
    });
  });

  it("remembers an address until its buckets are full again, and has no timer then", () => {
    const { book, clock } = newBook({ handshakesPerAddress: 1 });
    for (let i = 0; i < 1000; i++) book.enter(`10.0.${i >> 8}.${i & 255}`).leave();
    expect(book.size).toBe(1000);
    clock.advance(500);
    const open = book.enter("192.0.2.1");
    book.enter("192.0.2.2").leave();
    clock.advance(700);
    expect(book.size).toBe(2);
    expect(clock.running).toBe(1);
    clock.advance(1500);
    // One has a connection, and needs no timer.
    expect([book.size, clock.running]).toEqual([1, 0]);
    open.leave();
    clock.advance(2000);
    expect([book.size, clock.running]).toEqual([0, 0]);
  });

  it("forgets an address at once if only connections are counted", () => {
    const { book, clock } = newBook({ maxConnectionsPerAddress: 2 });
    const places = [book.enter("192.0.2.1"), book.enter("192.0.2.1")];
    places[0]!.leave();
    expect(book.size).toBe(1);
    places[1]!.leave();
    expect([book.size, clock.running]).toEqual([0, 0]);
  });

  it("remembers no more than 65 536 addresses without a connection: those left first are forgotten", () => {
    const { book } = newBook({ handshakesPerAddress: 0.001 });
    const nth = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    for (let i = 0; i < 66_000; i++) book.enter(nth(i)).leave();
    expect(book.size).toBe(65_536);
    expect(book.enter(nth(0)).refusal).toBeUndefined();
    expect(book.enter(nth(65_999)).refusal).toBeDefined();
    book.close();
  });

  it("forgets all when it is closed, and leaves no timer", () => {
    const { book, clock } = newBook({ handshakesPerAddress: 1 });
    book.enter("192.0.2.1").leave();
    book.close();
    expect([book.size, clock.running]).toEqual([0, 0]);
    book.close();
  });

  it("counts messages of all connections of an address together, and holds back what is too much", () => {
    const { book, clock } = newBook({ messagesPerAddress: { perSecond: 10, burst: 2 } });
    const [one, other] = [book.enter("192.0.2.1").messages!, book.enter("192.0.2.1").messages!];
    const elsewhere = book.enter("192.0.2.2").messages!;
    expect([one, other, other, one].map((gate) => gate.messaged())).toEqual([0, 100, 200, 300]);
    expect(elsewhere.messaged()).toBe(0);
    clock.advance(300);
    expect(one.messaged()).toBe(100);
  });

  it('throws the error that ends the connection, with "close"', () => {
    const { book, clock } = newBook({
      messagesPerAddress: { perSecond: 10, burst: 1, excess: "close" },
    });
    const gate = book.enter("192.0.2.1").messages!;
    expect(gate.messaged()).toBe(0);
    expect(() => gate.messaged()).toThrow(
      expect.objectContaining({ code: "TOO_MANY_MESSAGES", status: 1008, limit: 1, actual: 2 }),
    );
    clock.advance(100);
    expect(gate.messaged()).toBe(0);
  });

  it("makes no gate if messages have no limit", () => {
    const { book } = newBook({ maxConnectionsPerAddress: 2 });
    expect(book.enter("192.0.2.1").messages).toBeUndefined();
  });

  it("remembers an address that has sent more messages than allowed", () => {
    const { book, clock } = newBook({ messagesPerAddress: 1 });
    const place = book.enter("192.0.2.1");
    for (let i = 0; i < 5; i++) place.messages!.messaged();
    place.leave();
    clock.advance(3000);
    expect(book.size).toBe(1);
    clock.advance(4000);
    expect(book.size).toBe(0);
  });
});

/* A server with such a book: clients without a socket all have the address "memory". */

const of = (address: string): Record<string, string> => ({ "X-Forwarded-For": address });

describe("maxConnectionsPerAddress", () => {
  it("refuses connections beyond it with 429 and Retry-After, counts opening ones, and gives places back", async () => {
    const { connect, lines, server } = testServer({}, { maxConnectionsPerAddress: 2 });
    const first = connect();
    first.peer.send(upgradeRequest());
    await first.peer.seen("open");
    const silent = connect();
    const third = connect();
    third.peer.send(upgradeRequest());
    await third.peer.seen("closed");
    expect(third.peer.response).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\n/);
    expect(third.peer.response.split("\r\n")).toContain("Retry-After: 10");
    expect(lines).toEqual(["open", "refused REJECTED"]);
    silent.peer.transport.destroy();
    await macrotask();
    const fourth = connect();
    fourth.peer.send(upgradeRequest());
    await fourth.peer.seen("open");
    first.peer.close(1000);
    await first.peer.seen("closed");
    await macrotask();
    const fifth = connect();
    fifth.peer.send(upgradeRequest());
    await fifth.peer.seen("open");
    expect(server.counters.open).toBe(2);
  });

  it("drops without an answer connections beyond twice the limit", async () => {
    const { connect } = testServer({}, { maxConnectionsPerAddress: 1 });
    connect();
    connect();
    const third = connect();
    await third.peer.seen("closed");
    expect(third.peer.response).toBe("");
  });

  it("counts by the address that a trusted proxy tells, and a stranger's own", async () => {
    for (const [trustProxy, statuses] of [
      [1, [101, 429, 101]],
      [() => true, [101, 429, 101]],
      [[], [101, 429, 429]],
    ] as const) {
      const { connect } = testServer({}, { maxConnectionsPerAddress: 1, trustProxy });
      const seen: number[] = [];
      for (const address of ["192.0.2.1", "192.0.2.1", "2001:db8::1"]) {
        const { peer } = connect();
        peer.send(upgradeRequest(of(address)));
        await peer.seen(/^(open|closed)$/);
        seen.push(Number(peer.response === "" ? 429 : peer.response.slice(9, 12)));
      }
      expect(seen).toEqual(statuses);
    }
  });

  it("counts by the address that a PROXY header names", async () => {
    const { connect } = testServer({}, { maxConnectionsPerAddress: 1, proxyProtocol: true });
    const seen: string[] = [];
    for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2"]) {
      const { peer } = connect();
      peer.send(encodeUtf8(`PROXY TCP4 ${address} 192.0.2.9 1 2\r\n`), upgradeRequest());
      await peer.seen(/^(open|closed)$/);
      seen.push(peer.response.slice(9, 12));
    }
    expect(seen).toEqual(["101", "429", "101"]);
  });

  it("does not count connections without an address", async () => {
    const { connect, server } = testServer({}, { maxConnectionsPerAddress: 1, trustProxy: 1 });
    for (let i = 0; i < 3; i++) {
      const { peer } = connect();
      peer.send(upgradeRequest(of("unknown")));
      await peer.seen("open");
    }
    expect(server.counters.open).toBe(3);
  });

  it("gives a refused connection no place among all connections", async () => {
    const { connect } = testServer(
      {},
      { maxConnectionsPerAddress: 1, maxConnections: 2, trustProxy: ["10.0.0.0/8"] },
    );
    connect().peer.send(upgradeRequest());
    const refused = connect();
    refused.peer.endsWithServer = false;
    refused.peer.send(upgradeRequest());
    await macrotask();
    const { peer } = connect();
    await peer.seen("closed");
    // A flood of one address; what it takes is not the places of others.
    expect(peer.response).toBe("");
  });
});

describe("handshakesPerAddress", () => {
  it("refuses handshakes that come too often with 429, health checks included, and tells when to come again", async () => {
    const { connect, clock, lines } = testServer(
      { http: () => ({ status: 200 }) },
      { handshakesPerAddress: { perSecond: 0.1, burst: 2 } },
    );
    const statusOf = async (bytes: Uint8Array): Promise<string> => {
      const { peer } = connect();
      peer.send(bytes);
      await peer.seen(/^(open|closed)$/);
      return peer.response
        .split("\r\n")
        .filter((line) => /^(HTTP|Retry)/.test(line))
        .join(" ");
    };
    const health = encodeUtf8(
      "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    expect(await statusOf(upgradeRequest())).toContain(" 101 ");
    expect(await statusOf(health)).toContain(" 200 ");
    expect(await statusOf(upgradeRequest())).toBe("HTTP/1.1 429 Too Many Requests Retry-After: 10");
    clock.advance(10_100);
    expect(await statusOf(upgradeRequest())).toContain(" 101 ");
    expect(lines.filter((line) => line.startsWith("refused"))).toEqual(["refused REJECTED"]);
  });

  it("counts each plain request behind a proxy, whose connection serves many clients", async () => {
    const { connect, server } = testServer(
      { http: () => ({ status: 200 }) },
      { maxConnectionsPerAddress: 1, trustProxy: 1 },
    );
    const health = (address: string): Uint8Array =>
      encodeUtf8(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ${address}\r\n\r\n`);
    const one = connect();
    one.peer.send(health("192.0.2.1"));
    await macrotask();
    // Its place is free again, while the proxy's connection waits for the next request.
    const other = connect();
    other.peer.send(upgradeRequest(of("192.0.2.1")));
    await other.peer.seen("open");
    one.peer.send(health("192.0.2.1"));
    await one.peer.seen("closed");
    const third = connect();
    third.peer.send(health("192.0.2.2"));
    await macrotask();
    third.peer.send(upgradeRequest(of("192.0.2.3")));
    await macrotask();
    expect(server.connections.map(({ peer }) => peer.address)).toEqual(["192.0.2.1", "192.0.2.3"]);
  });

  it("leaves no timer behind a server that is shut down", async () => {
    const { connect, clock, server } = testServer({}, { handshakesPerAddress: 1 });
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("open");
    await server.shutdown();
    expect(clock.running).toBe(0);
  });
});

describe("messagesPerAddress", () => {
  it("holds the peer back if it sends more than allowed, and loses no message", async () => {
    const { open, clock, lines } = testServer(
      {},
      { messagesPerAddress: { perSecond: 10, burst: 2 } },
    );
    const { peer } = await open();
    for (let i = 1; i <= 5; i++) peer.text(String(i));
    await macrotask();
    expect(lines).toEqual(["open", "message 1", "message 2"]);
    for (let i = 3; i <= 5; i++) {
      clock.advance(100);
      clock.advance(100);
      await macrotask();
    }
    clock.advance(1000);
    await macrotask();
    expect(lines.slice(3)).toEqual(["message 3", "message 4", "message 5"]);
    peer.text("6");
    peer.close(1000);
    await peer.seen("closed");
    expect(lines.slice(6)).toEqual(["message 6", "close 1000 clean peer"]);
    // The address is remembered until its bucket is full again.
    clock.advance(1000);
    expect(clock.running).toBe(0);
  });

  it("counts all connections of an address together", async () => {
    const { open, clock, lines } = testServer(
      {},
      { messagesPerAddress: { perSecond: 10, burst: 1 } },
    );
    const [one, other] = [await open(), await open()];
    one.peer.text("a");
    other.peer.text("b");
    await macrotask();
    one.peer.text("c");
    other.peer.text("d");
    await macrotask();
    expect(lines.filter((line) => line.startsWith("message"))).toEqual(["message a", "message b"]);
    clock.advance(1000);
    await macrotask();
    expect(lines.filter((line) => line.startsWith("message")).sort()).toEqual([
      "message a",
      "message b",
      "message c",
      "message d",
    ]);
  });

  it("lets a close through while the peer is held back, and leaves no timer", async () => {
    const { open, clock, lines, server } = testServer(
      {},
      { messagesPerAddress: { perSecond: 0.1, burst: 1 } },
    );
    const { peer, ws } = await open();
    peer.text("1");
    peer.text("2");
    await macrotask();
    void ws.close(4000, "bye");
    await peer.seen("closed");
    await macrotask();
    expect(lines).toEqual(["open", "message 1", "close 4000 bye clean local"]);
    await server.shutdown();
    expect(clock.running).toBe(0);
  });

  it("keeps the peer held back by unread messages once the limit is lifted", async () => {
    let release: (() => void) | undefined;
    const { open, clock, lines } = testServer(
      { message: () => new Promise<void>((resolve) => (release = resolve)) },
      { messagesPerAddress: { perSecond: 10, burst: 3 }, receiveHighWaterMark: 128 },
    );
    const { peer } = await open();
    for (let i = 1; i <= 9; i++) peer.text(String(i));
    await macrotask();
    clock.advance(2000);
    await macrotask();
    expect(lines).toEqual(["open", "message 1"]);
    for (let i = 2; i <= 9; i++) {
      release!();
      await macrotask();
      clock.advance(500);
      await macrotask();
    }
    expect(lines.slice(1)).toEqual(Array.from({ length: 9 }, (_, i) => `message ${i + 1}`));
  });

  it("counts messages that come as streams, too", async () => {
    const { open } = testServer(
      { stream: async (_, incoming) => void (await incoming.text()) },
      { messagesPerAddress: { perSecond: 10, burst: 1, excess: "close" } },
    );
    const { peer } = await open();
    peer.text("1");
    peer.text("2");
    await peer.seen(/^close 1008/);
  });

  it("closes with 1008 if told to, and says why", async () => {
    const { open, lines } = testServer(
      {},
      { messagesPerAddress: { perSecond: 10, burst: 2, excess: "close" } },
    );
    const { peer } = await open();
    for (let i = 1; i <= 4; i++) peer.text(String(i));
    await peer.seen("closed");
    expect(peer.lines).toContain("close 1008");
    expect(lines).toEqual([
      "open",
      "message 1",
      "message 2",
      "error TOO_MANY_MESSAGES",
      expect.stringMatching(/^close /),
    ]);
  });
});

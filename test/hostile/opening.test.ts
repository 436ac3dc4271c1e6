import { afterEach, describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { macrotask } from "../support/turns.ts";
import { connect, connectOpen, expectNoRejections } from "./play.ts";
import {
  binary,
  bytesFrom,
  latin1Bytes,
  ping,
  request,
  type Setup,
  show,
  text,
} from "./support.ts";
import { expectOneEnd } from "./trace.ts";

/** Rows of sections A to C of the battery that need time, order or a hook under control. */

afterEach(expectNoRejections);

describe("a server: a request line", () => {
  it("A-1 HEAD → 405 without a body", async () => {
    const { peer, trace } = connect("server");
    peer.send(request({ line: "HEAD / HTTP/1.1" }));
    await macrotask();
    // "The HEAD method is identical to GET except that the server MUST NOT send content" (RFC 9110, 9.3.2)
    expect(trace()).toMatchObject({ status: 405, headers: { allow: "GET" }, body: "" });
  });
});

describe("a server: the limit of a head", () => {
  it("B-30 20 MB of a header in chunks of 4 KiB → 431 with the chunk that passes it", async () => {
    const { peer, trace, recorder } = connect("server");
    const chunk = latin1Bytes("a".repeat(4096));
    peer.send(latin1Bytes("GET / HTTP/1.1\r\nX-Text: "));
    for (let sent = 0; sent < 3; sent++) peer.send(chunk);
    await macrotask();
    expect(peer.isOver).toBe(false);
    peer.send(chunk);
    await macrotask();
    expect(trace().status).toBe(431);
    for (let sent = 4; sent < 5000; sent++) peer.send(chunk);
    peer.end();
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.events).toEqual(["refused REJECTED HEAD_TOO_LARGE"]);
    expect(trace().status).toBe(431);
  });
});

describe("a server: handshakeTimeout", () => {
  const whole = request();

  it("B-34 a byte every 50 ms, all within 10 s → accepted", async () => {
    const { peer, recorder, trace } = connect("server");
    for (const byte of whole) {
      peer.send(Uint8Array.of(byte));
      await macrotask();
      recorder.clock.advance(50);
    }
    expect(trace().status).toBe(101);
    expect(recorder.clock.running).toBe(0);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("B-34 a byte every 100 ms, more than 10 s in all → 408", async () => {
    const { peer, recorder, trace } = connect("server");
    for (const byte of whole) {
      peer.send(Uint8Array.of(byte));
      await macrotask();
      recorder.clock.advance(100);
    }
    await macrotask();
    expect(trace()).toMatchObject({
      status: 408,
      headers: { connection: "close" },
      end: "framewire",
    });
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual(["refused REJECTED HANDSHAKE_TIMEOUT"]);
    expect(recorder.clock.running).toBe(0);
  });

  it.each([1, 20, whole.length - 1])("B-35 silence behind %d bytes → 408", async (size) => {
    const { peer, recorder, trace } = connect("server");
    peer.send(whole.slice(0, size));
    await macrotask();
    recorder.clock.advance(9900);
    await macrotask();
    expect(peer.output).toHaveLength(0);
    recorder.clock.advance(200);
    await macrotask();
    expect(trace()).toMatchObject({ status: 408, end: "framewire" });
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual(["refused REJECTED HANDSHAKE_TIMEOUT"]);
    expect(recorder.clock.running).toBe(0);
  });

  it("B-35 a refused client that does not go → dropped at closeTimeout", async () => {
    const { peer, recorder } = connect("server");
    peer.send(latin1Bytes("\0"));
    await macrotask();
    expect([peer.hasEnded, peer.isClosed]).toEqual([true, false]);
    recorder.clock.advance(10_100);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.clock.running).toBe(0);
    expect(recorder.events).toEqual(["refused MALFORMED_REQUEST"]);
  });

  it("B-35 an open connection → no timer is left", async () => {
    const { peer, recorder } = await connectOpen("server");
    expect(recorder.clock.running).toBe(0);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("B-36 nothing sent → dropped without a response", async () => {
    const { peer, recorder } = connect("server");
    recorder.clock.advance(9900);
    await macrotask();
    expect(peer.isOver).toBe(false);
    recorder.clock.advance(200);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(peer.output).toHaveLength(0);
    expect(recorder.events).toEqual([]);
    expect(recorder.clock.running).toBe(0);
  });

  it("B-37 the end of the stream and nothing before it → closed", async () => {
    const { peer, recorder } = connect("server");
    peer.end();
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(peer.output).toHaveLength(0);
    expect(recorder.events).toEqual([]);
    expect(recorder.clock.running).toBe(0);
  });
});

/** A hook that waits until the test lets it go on. */
function gated(): { setup: Setup; open: (value?: undefined) => void } {
  const gate = newDeferred<undefined>();
  return {
    setup: { handlers: () => ({ upgrade: () => gate.promise }) },
    open: gate.resolve as (value?: undefined) => void,
  };
}

describe("a server: a hook that takes its time", () => {
  it("C-62 10 MiB of early data → held back, then delivered in order", async () => {
    const { setup, open } = gated();
    const capacity = 64 * 1024;
    const { peer, recorder, trace } = connect("server", setup, capacity);
    const messages = Array.from({ length: 640 }, (_, i) => new Uint8Array(16 * 1024).fill(i));
    peer.send(request(), ...messages.map((message) => binary(message)), ping("last"));
    const all = peer.unsent;
    await macrotask();
    expect(all - peer.unsent).toBeLessThan(4 * capacity);
    expect(recorder.events).toEqual([]);
    open();
    await macrotask();
    expect(recorder.events).toEqual(["open", ...messages.map((m) => `binary ${show(m)}`)]);
    expect(trace().replies).toEqual(['pong "last"']);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("C-66 one that never settles → 503 at handshakeTimeout, and nothing afterwards", async () => {
    const { setup, open } = gated();
    const { peer, recorder, trace } = connect("server", setup);
    peer.send(bytesFrom("client", request(), text("early")));
    await macrotask();
    recorder.clock.advance(10_100);
    await macrotask();
    expect(trace()).toMatchObject({ status: 503, end: "framewire" });
    expect(trace().body).not.toContain("early");
    peer.end();
    await macrotask();
    open();
    await macrotask();
    expect(recorder.events).toEqual(["refused INTERNAL HANDSHAKE_TIMEOUT"]);
    expect(recorder.clock.running).toBe(0);
  });

  it.each(["C-66a", "C-66b", "C-66c"])("%s an error's text → not shown to the peer", async (id) => {
    const secret = new Error("secret");
    const hooks: Record<string, () => Promise<never>> = {
      "C-66a": () => {
        throw secret;
      },
      "C-66b": () => Promise.reject(secret),
      "C-66c": async () => {
        await undefined;
        throw secret;
      },
    };
    const { peer, trace } = connect("server", { handlers: () => ({ upgrade: hooks[id]! }) });
    peer.send(request());
    await macrotask();
    expect(trace().status).toBe(500);
    expect(JSON.stringify(trace())).not.toContain("secret\n");
    expect(trace().body).not.toContain("secret");
  });

  it("C-67 a reset between the request and the 101 → refused, and nothing opens", async () => {
    const { setup, open } = gated();
    const { peer, recorder, ours } = connect("server", setup);
    peer.send(request());
    await macrotask();
    ours.reset(new Error("ECONNRESET"));
    open();
    await macrotask();
    expect(recorder.events).toEqual(["refused INTERNAL RESET"]);
    expect(recorder.clock.running).toBe(0);
  });
});

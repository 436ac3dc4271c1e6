import { describe, expect, it, vi } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { Upgrader, type UpgraderOptions } from "../../src/handshake/server/upgrader.ts";
import { latin1Bytes, network, requestFor, settled, switching } from "../handshake/streams.ts";
import { macrotask } from "../support/turns.ts";

const plain = requestFor("/");
const timedOut = { name: "TimeoutError", code: "HANDSHAKE_TIMEOUT", limit: 10_000 };
const requestTimeout = "HTTP/1.1 408 Request Timeout";

describe("a server: Upgrader.upgrade() of a slow client", () => {
  it.each([0, 1, plain.length - 1])(
    "B-35 answers 408 after %i bytes, ends the connection, and answers nothing else later",
    async (length) => {
      const { stream, remote, clock, deadlines } = network();
      const onRequest = vi.fn();
      const result = settled(
        new Upgrader({ deadlines, onRequest, header: [["A", "b"]] }).upgrade(stream),
      );
      remote.send(plain.slice(0, length));
      await macrotask();
      clock.advance(10_100);
      expect(await result).toMatchObject({ error: timedOut });
      await macrotask();
      const answered = remote.text;
      expect(answered.startsWith(`${requestTimeout}\r\nConnection: close\r\n`)).toBe(true);
      expect(answered).toContain("\r\nA: b\r\n");
      remote.send(plain.slice(length));
      await macrotask();
      expect([remote.text, remote.hasEnded, onRequest.mock.calls]).toEqual([answered, true, []]);
      expect(clock.running).toBe(0);
    },
  );

  it.each(["onRequest", "onBeforeUpgrade"] as const)(
    "ignores what %s comes to later",
    async (name) => {
      const { stream, remote, clock, deadlines } = network();
      const answer = newDeferred<undefined>();
      const onHost = vi.fn();
      const callbacks = { onHost: name === "onRequest" ? onHost : undefined };
      const options = {
        deadlines,
        ...callbacks,
        [name]: () => answer.promise,
      } as UpgraderOptions<undefined>;
      const result = settled(new Upgrader(options).upgrade(stream));
      remote.send(plain);
      await macrotask();
      clock.advance(10_100);
      expect(await result).toMatchObject({ error: timedOut });
      answer.resolve(undefined);
      await macrotask();
      expect(remote.text.split("HTTP/1.1 ").length).toBe(2);
      expect([remote.text.startsWith(requestTimeout), onHost.mock.calls]).toEqual([true, []]);
    },
  );

  it("waits for no answer that the peer does not take", async () => {
    const { stream, remote, clock, deadlines } = network({ capacity: 1 });
    remote.transport.pause();
    await stream.write(Uint8Array.of(0));
    const result = settled(new Upgrader({ deadlines }).upgrade(stream));
    remote.send(latin1Bytes("\0"));
    await macrotask();
    clock.advance(2_100);
    expect(await result).toMatchObject({ error: { code: "MALFORMED_REQUEST" } });
    // Nor for its end: the connection is dropped.
    clock.advance(2_100);
    expect(clock.running).toBe(0);
  });

  it("ends while 101 is on its way, with no other answer behind it", async () => {
    const { stream, remote, clock, deadlines } = network({ capacity: 1 });
    remote.transport.pause();
    await stream.write(Uint8Array.of(0x2e));
    const result = settled(new Upgrader({ deadlines }).upgrade(stream));
    remote.send(plain);
    await macrotask();
    clock.advance(10_100);
    expect(await result).toMatchObject({ error: timedOut });
    remote.transport.resume();
    await macrotask();
    expect(remote.text.split("\r\n")).toEqual([`.${switching[0]!}`, ...switching.slice(1), "", ""]);
  });

  it.each([0, Infinity])("never does with a timeout of %d", async (timeout) => {
    const { stream, remote, clock, deadlines } = network();
    const result = settled(new Upgrader({ deadlines, timeout }).upgrade(stream));
    clock.advance(1e9);
    remote.send(plain);
    expect((await result).error).toBeUndefined();
  });
});

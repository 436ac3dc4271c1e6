import { describe, expect, it } from "vitest";
import { type PendingConnect, connecting } from "../../adapters/connecting.ts";
import { memoryPair } from "../../adapters/memory/index.ts";
import { macrotask } from "../support/turns.ts";

/** An attempt that a test holds in its hand. */
function begin(
  signal?: AbortSignal,
  attach: () => unknown = () => "attached",
): { promise: Promise<unknown>; attempt: PendingConnect; lines: string[] } {
  const lines: string[] = [];
  let attempt!: PendingConnect;
  const promise = connecting({ signal }, attach, (begun) => {
    attempt = begun;
    return () => lines.push("given up");
  });
  promise.catch(() => {});
  return { promise, attempt, lines };
}

/** A transport, and a promise that it is destroyed. */
function newTransport(): {
  transport: Parameters<PendingConnect["succeed"]>[0];
  closed: Promise<void>;
} {
  const [transport, peer] = memoryPair();
  const closed = new Promise<void>((resolve) => {
    peer.handler = {
      onData() {},
      onDrain() {},
      onEnd() {},
      onClose: () => {
        resolve();
      },
    };
  });
  return { transport, closed };
}

describe("connecting()", () => {
  it("resolves with what attach() returns", async () => {
    const { promise, attempt } = begin();
    expect(attempt.isOver).toBe(false);
    attempt.succeed(newTransport().transport);
    expect(attempt.isOver).toBe(true);
    expect(await promise).toBe("attached");
  });

  it("rejects with a TransportError, and ignores what comes later", async () => {
    const { promise, attempt, lines } = begin();
    const cause = new Error("first");
    attempt.fail(cause, "TLS_FAILED");
    attempt.fail(new Error("second"));
    const { transport, closed } = newTransport();
    attempt.succeed(transport);
    await closed;
    await expect(promise).rejects.toMatchObject({ code: "TLS_FAILED", cause });
    expect(lines).toEqual([]);
  });

  it("rejects with an error as it is, if that is wanted", async () => {
    const { promise, attempt } = begin();
    const error = new Error("no way");
    attempt.reject(error);
    attempt.reject(new Error("second"));
    attempt.fail(new Error("third"));
    await expect(promise).rejects.toBe(error);
    expect(attempt.isOver).toBe(true);
  });

  it("rejects with what begin() throws", async () => {
    const cause = new RangeError("port");
    const promise = connecting({}, String, () => {
      throw cause;
    });
    await expect(promise).rejects.toMatchObject({ code: "FAILED", cause });
  });

  it("destroys the transport if attach() throws", async () => {
    const error = new Error("attach");
    const { promise, attempt } = begin(undefined, () => {
      throw error;
    });
    const { transport, closed } = newTransport();
    attempt.succeed(transport);
    await closed;
    await expect(promise).rejects.toBe(error);
  });

  it("begins nothing if the signal is aborted already", async () => {
    const signal = AbortSignal.abort(new Error("early"));
    const { promise, attempt } = begin(signal);
    await expect(promise).rejects.toBe(signal.reason);
    expect(attempt).toBeUndefined();
  });

  it("gives up when the signal aborts, and drops a transport that opens all the same", async () => {
    const controller = new AbortController();
    const { promise, attempt, lines } = begin(controller.signal);
    controller.abort(new Error("given up"));
    expect(attempt.isOver).toBe(true);
    const { transport, closed } = newTransport();
    attempt.succeed(transport);
    await closed;
    await expect(promise).rejects.toBe(controller.signal.reason);
    expect(lines).toEqual(["given up"]);
  });

  it("does not listen to the signal once it is over", async () => {
    const controller = new AbortController();
    const { promise, attempt, lines } = begin(controller.signal);
    attempt.succeed(newTransport().transport);
    controller.abort();
    await macrotask();
    expect(await promise).toBe("attached");
    expect(lines).toEqual([]);
  });
});

import { describe, expect, it, vi } from "vitest";
import { BrowserConnection, type BrowserHandlers } from "../../../adapters/browser/connection.ts";
import { resolveOptions } from "../../../adapters/browser/options.ts";
import type { BrowserEvent, BrowserSocket } from "../../../adapters/browser/web-socket.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { ClosedError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { macrotask } from "../../support/turns.ts";

/** A browser's WebSocket without a browser: a test says what comes, and what is unsent. */
class FakeSocket implements BrowserSocket {
  binaryType = "arraybuffer";
  readonly url = "wss://example.org/a?b";
  readonly protocol = "chat";
  readonly extensions = "permessage-deflate";
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  readonly closes: unknown[][] = [];
  readonly #listeners = new Map<string, (event: BrowserEvent) => void>();

  send(data: unknown): void {
    this.sent.push(data);
  }
  close(...how: unknown[]): void {
    this.closes.push(how);
  }
  addEventListener(type: string, listener: (event: BrowserEvent) => void): void {
    this.#listeners.set(type, listener);
  }
  removeEventListener(): void {}
  message(...all: unknown[]): void {
    for (const data of all) this.#listeners.get("message")!({ data });
  }
  end(code: number, reason = "", wasClean = true): void {
    this.#listeners.get("close")!({ code, reason, wasClean });
  }
}

function open(options: object = {}, handlers: BrowserHandlers = {}) {
  const socket = new FakeSocket();
  const clock = new FakeClock();
  const settings = resolveOptions({ clock, ...options }, handlers);
  return { socket, clock, ws: new BrowserConnection(socket, settings, handlers, undefined) };
}

describe("BrowserConnection.send()", () => {
  it("resolves at once below highWaterMark, and above it when the browser has sent enough", async () => {
    const { ws, socket, clock } = open({ highWaterMark: 10 });
    await ws.send("a");
    socket.bufferedAmount = 11;
    let done = 0;
    const sends = [ws.send("b"), ws.send("c")].map((send) => send.then(() => done++));
    clock.advance(100);
    await macrotask();
    expect([done, ws.bufferedAmount]).toEqual([0, 11]);
    socket.bufferedAmount = 10;
    clock.advance(20);
    await Promise.all(sends);
    expect([socket.sent, clock.running]).toEqual([["a", "b", "c"], 0]);
  });

  it("rejects when the connection ends before that, and from then on", async () => {
    const { ws, socket, clock } = open({ highWaterMark: 10 });
    socket.bufferedAmount = 11;
    const send = ws.send("a");
    socket.end(1006, "", false);
    await expect(send).rejects.toBeInstanceOf(ClosedError);
    await expect(ws.send("b")).rejects.toMatchObject({ status: 1006, initiator: "transport" });
    clock.advance(1000);
    expect(clock.running).toBe(0);
  });

  it("rejects a message that there is no room for, unless nothing else is unsent", async () => {
    const { ws, socket } = open({ maxBufferedAmount: 10 });
    await ws.send(new Uint8Array(11));
    await ws.send(new ArrayBuffer(11));
    socket.bufferedAmount = 5;
    await ws.send("12345");
    for (const data of ["123456", new Uint8Array(6), new Blob(["123456"])]) {
      await expect(ws.send(data)).rejects.toMatchObject({ code: "TOO_MUCH_BUFFERED", limit: 10 });
    }
    expect([socket.sent.length, ws.state]).toEqual([3, "open"]);
  });

  it.each([5, null, undefined, {}, { size: 1 }])("refuses %j", (data) => {
    const { ws } = open();
    expect(() => ws.send(data as never)).toThrow("data must be a string, bytes or a Blob");
  });
});

describe("the messages of a BrowserConnection", () => {
  it("go to those who ask, in their order, and wait while nobody asks", async () => {
    const { ws, socket } = open();
    socket.message("a");
    expect(await ws.receive()).toBe("a");
    const both = [ws.receive(), ws.receive()];
    socket.message("b", new Uint8Array([1]).buffer);
    expect(await Promise.all(both)).toEqual(["b", new Uint8Array([1])]);
  });

  it("are not lost to a receiver that has given up, in whichever turn", async () => {
    const { ws, socket, clock } = open();
    const late = ws.receive({ timeout: 50 });
    clock.advance(50);
    await expect(late).rejects.toMatchObject({ name: "TimeoutError", code: "RECEIVE_TIMEOUT" });
    socket.message("a");
    expect(await ws.receive()).toBe("a");
    const controller = new AbortController();
    const both = ws.receive({ signal: controller.signal });
    socket.message("b");
    controller.abort(new Error("enough"));
    expect(await both).toBe("b");
  });

  it("end the connection if too many of them wait", async () => {
    const { ws, socket } = open({ maxUnread: 5 });
    socket.message("12345");
    expect(ws.state).toBe("open");
    socket.message("6", "7");
    expect([ws.state, socket.closes]).toEqual(["closing", [[]]]);
    socket.end(1005);
    expect(await ws.closed).toMatchObject({
      initiator: "local",
      error: { code: "TOO_MUCH_BUFFERED", limit: 5, actual: 6 },
    });
    await expect(ws.receive()).rejects.toBeInstanceOf(ClosedError);
  });

  it("can be read after the peer has closed, and not after this side has closed", async () => {
    const { ws, socket } = open();
    socket.message("a");
    socket.end(1000);
    expect(await ws.receive()).toBe("a");
    await expect(ws.receive()).rejects.toMatchObject({ status: 1000 });
    const own = open();
    own.socket.message("a");
    const receiving = [own.ws.receive(), own.ws.receive()] as const;
    void own.ws.close();
    own.socket.message("b");
    expect(await receiving[0]).toBe("a");
    await expect(receiving[1]).rejects.toBeInstanceOf(ClosedError);
  });

  it.each([
    ["ends", "an orderly end", (socket: FakeSocket) => socket.end(1000)],
    ["throws", "a loss", (socket: FakeSocket) => socket.end(1006, "", false)],
  ])("come in a loop, which %s after %s", async (how, _, end) => {
    const { ws, socket } = open();
    socket.message("a");
    end(socket);
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const message of ws) seen.push(message);
    })();
    if (how === "ends") await loop;
    else await expect(loop).rejects.toBeInstanceOf(ClosedError);
    expect(seen).toEqual(["a"]);
  });

  it("go to the handler or to the caller of receive(), not to both", () => {
    const { ws } = open({}, { message() {} });
    expect(() => ws.receive()).toThrow("Messages go to the handler");
    expect(() => ws[Symbol.asyncIterator]()).toThrow(TypeError);
  });

  it("wait for the handler's promise, and are dropped if it rejects", async () => {
    const lines: string[] = [];
    const first = newDeferred<void>();
    const { ws, socket } = open(
      {},
      {
        message(_, data) {
          lines.push(String(data));
          return data === "a" ? first.promise : undefined;
        },
        error: (_, error) => lines.push(`error ${(error as Error).message}`),
        close: (_, { initiator }) => lines.push(`close ${initiator}`),
      },
    );
    socket.message("a", "b");
    expect(lines).toEqual(["a"]);
    first.reject(new Error("thrown"));
    await macrotask();
    expect([lines, ws.state, socket.closes]).toEqual([["a", "error thrown"], "closing", [[]]]);
    socket.end(1005);
    expect(lines.pop()).toBe("close local");
  });

  it("are delivered after the end, and a handler delays the close event no longer than closeTimeout", async () => {
    const lines: string[] = [];
    const handlers: BrowserHandlers = {
      message(_, data) {
        lines.push(String(data));
        return new Promise(() => {});
      },
      close: () => lines.push("close"),
    };
    const { ws, socket, clock } = open({ closeTimeout: 100 }, handlers);
    socket.message("a", "b");
    socket.end(1000);
    await ws.closed;
    expect(lines).toEqual(["a"]);
    clock.advance(100);
    expect([lines, clock.running]).toEqual([["a", "close"], 0]);
  });
});

describe("the end of a BrowserConnection", () => {
  it("is reported once by the signal, by closed and by close, and by error if the connection was lost", async () => {
    const lines: string[] = [];
    const { ws, socket } = open(
      {},
      {
        error: (_, error) => lines.push(`error ${(error as { code: string }).code}`),
        close: (_, { status }) => lines.push(`close ${status}`),
      },
    );
    const { signal } = ws;
    expect(signal.aborted).toBe(false);
    socket.end(1006, "", false);
    socket.end(1006, "", false);
    expect(signal.reason).toBeInstanceOf(ClosedError);
    expect(await ws.closed).toMatchObject({ status: 1006, clean: false, initiator: "transport" });
    expect(lines).toEqual(["error UNEXPECTED_END", "close 1006"]);
    const late = open();
    late.socket.end(1000);
    expect(late.ws.signal.aborted).toBe(true);
  });

  it("takes no longer than closeTimeout, or the deadline of a close", async () => {
    const { ws, clock } = open({ closeTimeout: 100 });
    void ws.close(1000, "", { deadline: 50 });
    clock.advance(49);
    expect(ws.state).toBe("closing");
    clock.advance(1);
    expect(await ws.closed).toMatchObject({
      status: 1006,
      initiator: "local",
      error: { code: "CLOSE_TIMEOUT" },
    });
  });

  it("sends the statuses that a browser may send, and none in the place of others", () => {
    for (const [status, sent] of [
      [1000, [1000, "bye"]],
      [3000, [3000, "bye"]],
      [4999, [4999, "bye"]],
      [1001, []],
      [1011, []],
    ] as const) {
      const { ws, socket } = open();
      void ws.close(status, "bye");
      void ws.close(4000);
      expect(socket.closes).toEqual([sent]);
    }
    const { ws } = open();
    expect(() => ws.close(1005)).toThrow(RangeError);
    expect(() => ws.close(1000, "x".repeat(124))).toThrow(RangeError);
    expect(ws.state).toBe("open");
  });

  it("comes at once with terminate(), whatever the browser does then", async () => {
    const { ws, socket, clock } = open();
    ws.terminate();
    ws.terminate();
    expect(await ws.closed).toMatchObject({ status: 1006, clean: false, initiator: "local" });
    socket.message("late");
    socket.end(1000);
    await expect(ws.receive()).rejects.toMatchObject({ status: 1006 });
    expect([socket.closes, clock.running]).toEqual([[[]], 0]);
  });

  it("comes at the end of a block with `await using`", async () => {
    const { ws, socket } = open();
    const disposed = ws[Symbol.asyncDispose]();
    socket.end(1000);
    await disposed;
    expect(socket.closes).toEqual([[1000, ""]]);
  });

  it("follows when any handler throws, and the error is printed if nobody takes it", async () => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    for (const handlers of [
      { open: () => Promise.reject(new Error("thrown")) },
      {
        open() {
          throw new Error("thrown");
        },
      },
      {
        message() {
          throw new Error("thrown");
        },
      },
    ] satisfies BrowserHandlers[]) {
      const { ws, socket } = open({}, handlers);
      socket.message("a", "b");
      await macrotask();
      expect(ws.state).toBe("closing");
      socket.end(1005);
      expect(await ws.closed).toMatchObject({ error: { message: "thrown" } });
    }
    expect(printed).toHaveBeenCalled();
    printed.mockRestore();
  });
});

it.each(["ping", "beginMessage", "sendStream", "receiveStream"])(
  "a BrowserConnection says that a browser has no %s",
  (name) => {
    const { ws } = open();
    expect((ws as unknown as Record<string, () => void>)[name]).toThrow(
      `A browser's WebSocket has no ${name}`,
    );
  },
);

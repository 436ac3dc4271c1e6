import { describe, expect, it } from "vitest";
import { connectOn } from "../../../src/connection/client/connect.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import type { ServerHandlers } from "../../../src/connection/handlers.ts";
import { Server } from "../../../src/connection/server/serve.ts";
import { WebSocketError } from "../../../src/connection/client/websocket-error.ts";
import {
  webSocketStream,
  WebSocketStream,
} from "../../../src/connection/client/websocket-stream.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { memoryConnect } from "../../support/memory-connect.ts";
import { macrotask } from "../../support/turns.ts";

type Message = string | Uint8Array;

/** Both ends: a server's connection, and a client's streams. */
async function open(handlers: ServerHandlers = {}): Promise<{
  server: Connection;
  client: WebSocketStream;
  reader: ReadableStreamDefaultReader<Message>;
  readable: ReadableStream<Message>;
  writer: WritableStreamDefaultWriter<Message>;
}> {
  const opened = newDeferred<Connection>();
  const server = new Server(
    { port: 0, clock: new FakeClock() },
    { ...handlers, open: (ws) => void opened.resolve(ws) },
  );
  const client = new WebSocketStream("ws://memory/", (signal) =>
    connectOn(memoryConnect(server), "ws://memory/", { signal, clock: new FakeClock() }),
  );
  const info = await client.opened;
  expect(info).toMatchObject({ protocol: "", extensions: "" });
  const readable = info.readable as ReadableStream<Message>;
  return {
    server: await opened.promise,
    client,
    readable,
    reader: readable.getReader(),
    writer: (info.writable as WritableStream<Message>).getWriter(),
  };
}

/** What a promise comes to, as something to compare. */
function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value,
    (error: unknown) => error,
  );
}

describe("WebSocketStream", () => {
  it("reads and writes messages, text as strings and binary as bytes", async () => {
    const { client, server, reader, writer } = await open();
    expect(client.url).toBe("ws://memory/");
    await writer.write("hello");
    await writer.write(Uint8Array.of(1, 2));
    expect(await server.receive()).toBe("hello");
    expect(await server.receive()).toEqual(Uint8Array.of(1, 2));
    void server.send("back");
    void server.send(Uint8Array.of(3));
    expect(await reader.read()).toEqual({ done: false, value: "back" });
    expect(await reader.read()).toEqual({ done: false, value: Uint8Array.of(3) });
  });

  it("reads nothing before somebody reads: the peer is held back", async () => {
    const { server, reader } = await open();
    const message = new Uint8Array(64 * 1024);
    for (let i = 0; i < 10; i++) void server.send(message);
    await macrotask();
    // One message is in the inbox, and the rest with the transport.
    expect((await reader.read()).value).toHaveLength(message.length);
    for (let i = 1; i < 10; i++) await reader.read();
    void server.close();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  });

  it("ends in order if the peer closes: what came is read first", async () => {
    const { client, server, reader, writer } = await open();
    void server.send("last");
    void server.close(4001, "done");
    expect(await client.closed).toEqual({ closeCode: 4001, reason: "done" });
    expect(await reader.read()).toEqual({ done: false, value: "last" });
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(await outcome(writer.write("late"))).toMatchObject({ code: "CLOSED", status: 4001 });
  });

  it("fails both streams and closed if the connection breaks", async () => {
    const { client, server, reader, writer } = await open();
    const read = outcome(reader.read());
    server.terminate();
    const error = { name: "WebSocketError", closeCode: 1006, reason: "" };
    expect(await outcome(client.closed)).toMatchObject(error);
    expect(await read).toMatchObject(error);
    expect(await outcome(writer.closed)).toMatchObject(error);
  });

  it.each([
    [{}, 1005, ""],
    [{ closeCode: 3001, reason: "bye" }, 3001, "bye"],
    [{ reason: "bye" }, 1000, "bye"],
  ])("closes with %j", async (info, status, reason) => {
    const { client, server } = await open();
    client.close(info);
    client.close({ closeCode: 4000 });
    expect(await server.closed).toMatchObject({ status, reason, clean: true, initiator: "peer" });
    expect(await client.closed).toEqual({ closeCode: status, reason });
  });

  it("closes a connection that is open already, even in the very turn in which it was made", async () => {
    const { server: ws, client } = await open();
    const stream = webSocketStream(ws);
    stream.close({ closeCode: 3001, reason: "bye" });
    stream.close({ closeCode: 4000 });
    expect(await client.closed).toEqual({ closeCode: 3001, reason: "bye" });
    expect(await stream.closed).toEqual({ closeCode: 3001, reason: "bye" });
    const { readable } = await stream.opened;
    const read = (readable as ReadableStream<Message>).getReader().read();
    expect(await read).toEqual({ done: true, value: undefined });
  });

  it("closes a connection that came in the turn in which it was closed", async () => {
    const { server, client: other } = await open();
    const opening = newDeferred<Connection>();
    const stream = new WebSocketStream("ws://memory/", () => opening.promise);
    opening.resolve(server);
    stream.close();
    expect(await other.closed).toEqual({ closeCode: 1005, reason: "" });
  });

  it("refuses a code that an application may not send", async () => {
    const { client } = await open();
    expect(() => {
      client.close({ closeCode: 1001 });
    }).toThrow(RangeError);
  });

  it("closes with its writer, which is done when the connection is", async () => {
    const { server, writer, client } = await open();
    await writer.write("one");
    await writer.close();
    expect(await client.closed).toEqual({ closeCode: 1005, reason: "" });
    expect(await server.receive()).toBe("one");
    expect(await server.closed).toMatchObject({ status: 1005, clean: true });
  });

  it("fails its writer's close if the peer does not answer it", async () => {
    const { server, writer } = await open();
    const closing = outcome(writer.close());
    server.terminate();
    expect(await closing).toMatchObject({ name: "WebSocketError" });
  });

  it.each([
    ["a reason of any kind", "stop", 1005, ""],
    ["a WebSocketError with a code", new WebSocketError("", { closeCode: 4100 }), 4100, ""],
    ["one with a reason alone", new WebSocketError("", { reason: "why" }), 1000, "why"],
    ["one with neither", new WebSocketError("only words"), 1005, ""],
  ])("closes if it is aborted or canceled with %s", async (_, why, status, reason) => {
    const aborted = await open();
    void aborted.writer.abort(why);
    expect(await aborted.server.closed).toMatchObject({ status, reason, clean: true });
    const canceled = await open();
    void canceled.reader.cancel(why);
    expect(await canceled.server.closed).toMatchObject({ status, reason, clean: true });
  });

  it("rejects if it cannot be opened, and reports nothing as unhandled", async () => {
    const stream = new WebSocketStream("ws://memory/", () =>
      Promise.reject(new Error("no network")),
    );
    await macrotask();
    const error = { name: "WebSocketError", cause: { message: "no network" } };
    expect(await outcome(stream.opened)).toMatchObject(error);
    expect(await outcome(stream.closed)).toMatchObject(error);
  });

  it.each(["before", "after"])(
    "rejects with the signal's reason if it is aborted %s",
    async (when) => {
      const abort = new AbortController();
      if (when === "before") abort.abort(new Error("enough"));
      const stream = new WebSocketStream(
        "ws://memory/",
        (signal) =>
          new Promise((_, reject) => {
            const fail = (): void => {
              reject(signal.reason as Error);
            };
            if (signal.aborted) fail();
            else signal.addEventListener("abort", fail);
          }),
        { signal: abort.signal },
      );
      if (when === "after") abort.abort(new Error("enough"));
      expect(await outcome(stream.opened)).toMatchObject({ message: "enough" });
      expect(await outcome(stream.closed)).toMatchObject({ message: "enough" });
    },
  );

  it("rejects if its opener throws at once, or gives no proper promise", async () => {
    const bug = new Error("bug");
    const throwing = new WebSocketStream("ws://memory/", () => {
      throw bug;
    });
    expect(await outcome(throwing.opened)).toMatchObject({ cause: bug });
    const thenable = new WebSocketStream(
      "ws://memory/",
      () =>
        ({
          then: () => {
            throw bug;
          },
        }) as never,
    );
    expect(await outcome(thenable.opened)).toMatchObject({ cause: bug });
    expect(await outcome(thenable.closed)).toMatchObject({ cause: bug });
  });

  it("gives up if it is closed before it is open", async () => {
    const stream = new WebSocketStream(
      "ws://memory/",
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            reject(signal.reason as Error);
          });
        }),
    );
    stream.close();
    expect(await outcome(stream.opened)).toMatchObject({ name: "WebSocketError", closeCode: null });
  });

  it("does not listen to a signal once it is open", async () => {
    const abort = new AbortController();
    const server = new Server({ port: 0, clock: new FakeClock() }, {});
    const stream = new WebSocketStream(
      "ws://memory/",
      (signal) => connectOn(memoryConnect(server), "ws://memory/", { signal }),
      { signal: abort.signal },
    );
    await stream.opened;
    abort.abort();
    stream.close({ closeCode: 4000 });
    expect(await stream.closed).toEqual({ closeCode: 4000, reason: "" });
  });
});

describe("webSocketStream()", () => {
  it("makes streams of a server's connection: an echo is a pipe", async () => {
    const server = new Server(
      { port: 0, clock: new FakeClock() },
      {
        async open(ws) {
          const stream = webSocketStream(ws);
          expect(stream.url).toBe("/echo?x=1");
          const { readable, writable } = await stream.opened;
          await (readable as ReadableStream<Message>).pipeTo(writable as WritableStream<Message>);
        },
      },
    );
    const ws = await connectOn(memoryConnect(server), "ws://memory/echo?x=1");
    for (const text of ["a", "b", "c"]) void ws.send(text);
    expect([await ws.receive(), await ws.receive(), await ws.receive()]).toEqual(["a", "b", "c"]);
    expect(await ws.close(1000, "bye")).toMatchObject({ status: 1000, clean: true });
  });
});

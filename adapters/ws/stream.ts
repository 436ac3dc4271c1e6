/**
 * A WebSocket as a `Duplex` of `node:stream`, with back-pressure both ways.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import process from "node:process";
import { Duplex, type DuplexOptions } from "node:stream";
import type { RawData } from "./types.ts";

/** The members of a WebSocket that a stream needs; any class may have them. */
export interface StreamedWebSocket extends Pick<EventEmitter, "on" | "once"> {
  /** Sends a message. */
  send(data: Uint8Array, callback: (error?: Error) => void): void;
  /** Begins the closing handshake. */
  close(): void;
  /** Drops the connection. */
  terminate(): void;
  /** Stops reading for now. */
  pause(): void;
  /** Goes on reading. */
  resume(): void;
  /** Whether it is paused. */
  readonly isPaused: boolean;
  /** The state of the connection. */
  readonly readyState: number;
}

/** The values of `readyState` before the connection is open, and after its end. */
const connecting = 0;
const closed = 3;

/** The members of a socket that are used at its end. */
interface EndingSocket {
  readonly writableFinished: boolean;
  once(event: "finish", listener: () => void): unknown;
}

/** Calls `task` when a WebSocket is open. */
function whenOpen(ws: StreamedWebSocket, task: () => void): void {
  if (ws.readyState === connecting) ws.once("open", task);
  else task();
}

/** Closes a WebSocket, and calls `done` when this side of its socket has ended. */
function finish(ws: StreamedWebSocket, done: () => void): void {
  const { _socket: socket } = ws as unknown as { readonly _socket: EndingSocket | null };
  // The handshake has failed: the event `error` follows.
  if (socket === null) return;
  if (socket.writableFinished) {
    done();
    return;
  }
  socket.once("finish", done);
  ws.close();
}

/**
 * Makes `read()` give everything that has come, as `node:stream` documents it. On Deno and Bun it gives only the first chunk, and
 * programs that call it once, such as aedes, would wait for the rest for ever.
 */
function readAll(duplex: Duplex): void {
  const readOnce = duplex.read.bind(duplex) as (size?: number) => Buffer | string | null;
  duplex.read = (size?: number | null): unknown => {
    const first = readOnce(size as number);
    const asksForAll = size === undefined || size === null;
    // A flowing stream gives each chunk separately, and a stream of objects each message.
    if (first === null || !asksForAll || duplex.readableFlowing === true) return first;
    if (duplex.readableObjectMode || duplex.readableLength === 0) return first;
    const parts = [first];
    for (let next = readOnce(); next !== null; next = readOnce()) parts.push(next);
    return typeof first === "string" ? parts.join("") : Buffer.concat(parts as Buffer[]);
  };
}

/**
 * Makes a stream of a WebSocket: each written chunk is sent as a message, and received messages are read.
 *
 * @param options Options of a `Duplex`. With `readableObjectMode` each message is read separately, text as a string.
 */
export function createWebSocketStream(ws: StreamedWebSocket, options: DuplexOptions = {}): Duplex {
  // A failed connection closes by itself, with a close frame that must not be cut off: then it is not terminated.
  let isTerminating = true;
  const duplex = new Duplex({
    ...options,
    autoDestroy: false,
    emitClose: false,
    objectMode: false,
    writableObjectMode: false,
    read() {
      if (ws.isPaused) ws.resume();
    },
    write(chunk: Uint8Array, _encoding, done) {
      whenOpen(ws, () => {
        ws.send(chunk, done);
      });
    },
    final(done) {
      whenOpen(ws, () => {
        finish(ws, () => {
          done();
          if (duplex.readableEnded) duplex.destroy();
        });
      });
    },
    destroy(error, done) {
      destroyWith(ws, duplex, error, done);
      if (isTerminating && ws.readyState !== closed) ws.terminate();
    },
  });
  readAll(duplex);
  ws.on("message", (data: RawData, isBinary: boolean) => {
    const chunk = !isBinary && duplex.readableObjectMode ? String(data) : data;
    if (!duplex.push(chunk)) ws.pause();
  });
  ws.once("error", (error: Error) => {
    if (duplex.destroyed) return;
    isTerminating = false;
    duplex.destroy(error);
  });
  ws.once("close", () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  duplex.on("end", () => {
    if (!duplex.destroyed && duplex.writableFinished) duplex.destroy();
  });
  duplex.on("error", function onError(error: Error) {
    duplex.removeListener("error", onError);
    duplex.destroy();
    // Without another listener the error is thrown, as it would be without this one.
    if (duplex.listenerCount("error") === 0) duplex.emit("error", error);
  });
  return duplex;
}

/** Waits for the end of the connection, and then lets the stream emit `close`. */
function destroyWith(
  ws: StreamedWebSocket,
  duplex: Duplex,
  error: Error | null,
  done: (error: Error | null) => void,
): void {
  const tellClose = (): void => {
    process.nextTick(() => duplex.emit("close"));
  };
  if (ws.readyState === closed) {
    done(error);
    tellClose();
    return;
  }
  let isDone = false;
  ws.once("error", (reason: Error) => {
    isDone = true;
    done(reason);
  });
  ws.once("close", () => {
    if (!isDone) done(error);
    tellClose();
  });
}

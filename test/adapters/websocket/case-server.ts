import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { linkOf } from "../../../src/connection/connection.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import { route } from "../../../src/connection/handlers.ts";
import { newDeferred, type Deferred } from "../../../src/deferred.ts";
import { acceptKey } from "../../../src/handshake/accept.ts";
import { adapter } from "../../support/adapter.ts";

/** Where the cases find what they talk to: the same server for every class. */
export interface Places {
  /** A WebSocket server, such as "ws://127.0.0.1:1234". */
  readonly server: string;
  /** One that says what no server should; it answers a path with the bytes that the path stands for. */
  readonly raw: string;
  /** A port at which nobody listens. */
  readonly nobody: string;
}

/** What a server saw of one connection. */
interface Log {
  readonly lines: string[];
  readonly ended: Deferred<readonly string[]>;
}

/** What is sent behind a handshake that is right, by path. */
const rawAnswers: Readonly<Record<string, (socket: Socket) => void>> = {
  // A reserved opcode.
  "/bad-opcode": (socket) => void socket.write(Uint8Array.of(0x83, 0)),
  // 0xff is in no text.
  "/bad-text": (socket) => void socket.write(Uint8Array.of(0x81, 1, 0xff)),
  // A server does not mask.
  "/masked": (socket) => void socket.write(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 0x61)),
  "/bad-close": (socket) => void socket.write(Uint8Array.of(0x88, 1, 3)),
  "/fin": (socket) => void socket.end(),
  // Two messages and a close frame with 4000, in one write.
  "/two-and-close": (socket) =>
    void socket.write(Uint8Array.of(0x81, 1, 0x61, 0x81, 1, 0x62, 0x88, 2, 0x0f, 0xa0)),
  // A message in three frames, a ping between them.
  "/fragments": (socket) =>
    void socket.write(Uint8Array.of(0x01, 1, 0x61, 0x89, 0, 0x00, 1, 0x62, 0x80, 1, 0x63)),
};

/** What a handshake is answered with in the place of the right one. */
const rawRefusals: Readonly<Record<string, string>> = {
  "/bad-accept":
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
  "/no-http": "nonsense\r\n\r\n",
  "/ok": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
};

/** Answers heads as a path says, and the frames that follow not at all. */
function answerRaw(socket: Socket): void {
  let head = "";
  socket.on("error", () => {});
  const onData = (chunk: Uint8Array): void => {
    head += new TextDecoder("latin1").decode(chunk);
    if (!head.includes("\r\n\r\n")) return;
    socket.off("data", onData);
    socket.on("data", () => {});
    const path = /^GET (\S+)/.exec(head)![1]!;
    if (path === "/hang") return;
    const refusal = rawRefusals[path];
    if (refusal !== undefined) {
      socket.end(refusal);
      return;
    }
    const key = /^sec-websocket-key: (\S+)/im.exec(head)![1]!;
    const protocol = path === "/wrong-protocol" ? "Sec-WebSocket-Protocol: other\r\n" : "";
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n${protocol}\r\n`,
    );
    rawAnswers[path]?.(socket);
  };
  socket.on("data", onData);
}

/** Starts what the cases talk to. */
export async function startCaseServer(): Promise<{
  readonly places: Places;
  stop(): Promise<void>;
}> {
  const logs = new Map<string, Log>();
  const logOf = (id: string): Log => {
    let log = logs.get(id);
    if (log === undefined) {
      log = { lines: [], ended: newDeferred<readonly string[]>() };
      logs.set(id, log);
    }
    return log;
  };
  const anyOrigin = { origins: "any" } as const;
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", maxMessageSize: 0, maxFrameSize: 0, ...anyOrigin },
    {
      routes: {
        // Sends back what comes, and knows the first subprotocol that is offered.
        "/echo": {
          upgrade: ({ protocols }) => ({ protocol: protocols[0] }),
          message: (ws, data) => ws.send(data),
        },
        "/compressed": {
          options: { compression: true },
          message: (ws: Connection, data: string | Uint8Array) => ws.send(data),
        },
        "/silent": { message() {} },
        // Knows no subprotocol.
        "/no-protocol": { message() {} },
        // Three messages at once, in the packet of the handshake.
        "/three": {
          open(ws: Connection) {
            for (const text of ["one", "two", "three"]) void ws.send(text);
          },
        },
        "/bytes": {
          open(ws: Connection) {
            for (const byte of [1, 2, 3]) void ws.send(Uint8Array.of(byte, byte));
          },
        },
        // Answers each message with three.
        "/threefold": {
          message(ws: Connection, data: string | Uint8Array) {
            for (const end of "abc") void ws.send(`${String(data)}${end}`);
          },
        },
        "/close/:code/:reason": route<{ code: string; reason: string }>({
          upgrade: ({ params }) => ({ context: params as { code: string; reason: string } }),
          open(ws) {
            void ws.close(Number(ws.context.code), ws.context.reason);
          },
        }),
        "/close-bare": {
          open(ws: Connection) {
            linkOf(ws).close(0, "");
          },
        },
        "/last-words": {
          open(ws: Connection) {
            void ws.send("first");
            void ws.send("last");
            void ws.close(4001, "done");
          },
        },
        // Closes when it is told so.
        "/close-on-message": {
          message: (ws: Connection, data: string | Uint8Array) => void ws.close(4002, String(data)),
        },
        "/drop-on-message": {
          message(ws: Connection) {
            ws.terminate();
          },
        },
        "/refused": { upgrade: () => ({ status: 403 }) },
        "/redirect": {
          upgrade: () => ({ status: 302, headers: { Location: "/echo" } }),
        },
        // Writes down what comes, and how it ends.
        "/log/:id": route<Log>({
          upgrade: ({ params }) => ({ context: logOf(params["id"]!) }),
          message(ws, data) {
            ws.context.lines.push(typeof data === "string" ? data : `[${data.join()}]`);
          },
          close(ws, { status, reason, clean }) {
            ws.context.lines.push(`${status} ${reason} ${clean}`);
            ws.context.ended.resolve(ws.context.lines);
          },
        }),
        // Says what was written down, when it is complete.
        "/report/:id": route<Log>({
          upgrade: ({ params }) => ({ context: logOf(params["id"]!) }),
          async open(ws) {
            await ws.send(JSON.stringify(await ws.context.ended.promise));
          },
          message() {},
        }),
      },
    },
  );
  const raw = createServer(answerRaw);
  const sockets = new Set<Socket>();
  raw.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => void raw.listen(0, "127.0.0.1", resolve));
  const empty = createServer();
  await new Promise<void>((resolve) => void empty.listen(0, "127.0.0.1", resolve));
  const nobody = (empty.address() as AddressInfo).port;
  await new Promise((resolve) => empty.close(resolve));
  return {
    places: {
      server: `ws://127.0.0.1:${server.port}`,
      raw: `ws://127.0.0.1:${(raw.address() as AddressInfo).port}`,
      nobody: `ws://127.0.0.1:${nobody}`,
    },
    async stop() {
      await server.shutdown({ deadline: 0 });
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => raw.close(resolve));
    },
  };
}

import { mkdtempSync, rmSync } from "node:fs";
import {
  connect as connectHttp2,
  createSecureServer as createSecureHttp2Server,
  createServer as createHttp2Server,
  type SecureClientSessionOptions,
  type SecureServerOptions,
} from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtimeServices } from "../../adapters/runtime-services.ts";
import { overHttp2 } from "../../adapters/http2/index.ts";
import { memoryNetwork } from "../../adapters/memory/index.ts";
import { connectBy, type StreamPair, streamsTransport } from "../../adapters/streams/index.ts";
import { type ClientOptions, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, ServerHandlers } from "../../src/connection/handlers.ts";
import { type ServeOptions, type Server, serveOn } from "../../src/connection/server/serve.ts";
import { TransportError } from "../../src/errors.ts";
import { listenStreams, type StreamListener } from "../../src/io/stream-listener.ts";
import type { Connect, Listen, ListenOptions, Transport } from "../../src/transport.ts";
import { adapter } from "./adapter.ts";
import { atExit } from "./at-exit.ts";
import { authority, certificate, privateKey } from "./certificate.ts";
import { hasUnixSockets } from "./runtime.ts";

/** What connections of a test run on: the same tests for each. */
export interface Wire {
  readonly name: string;
  /** What a client's connection says of its peer. */
  readonly remoteAddress: string | undefined;
  /** How connecting fails where nobody listens any more: a Unix socket's file is gone with its listener. */
  readonly gone: "REFUSED" | "NOT_FOUND";
  /** Whether URLs lead to servers by themselves, so that one may redirect to another. */
  readonly hasOrigins: boolean;
  /** Whether connections are streams of HTTP/2, and handshakes are written in its words. */
  readonly isHttp2: boolean;
  serve(
    options: Partial<ServeOptions>,
    handlers: ServerHandlers,
  ): Promise<{ server: Server; url: string }>;
  connect<Context>(
    url: string,
    options?: ClientOptions<Context>,
    handlers?: Handlers<Context>,
  ): Promise<Connection<Context>>;
  /** A listener that answers nothing by itself. */
  listen(): Promise<{ listener: StreamListener; url: string }>;
  /** A connected transport without a handshake. */
  dial(url: string): Promise<Transport>;
}

/** What tells the wires apart: how a place to listen on is chosen, and reached by a URL. */
interface Parts {
  readonly name: string;
  /** Whether it is a file that is listened on. */
  readonly isFile?: boolean;
  readonly isHttp2?: boolean;
  readonly remoteAddress: string | undefined;
  readonly listen: Listen;
  readonly connect: Connect;
  place(): ListenOptions;
  url(place: ListenOptions, port: number): string;
  /** What a client needs beside the URL. */
  way(url: string): Pick<ClientOptions, "path" | "tls">;
}

function wireOf(parts: Parts): Wire {
  const { name, remoteAddress, isFile = false, isHttp2 = false, listen, connect } = parts;
  const host = runtimeServices();
  return {
    name,
    remoteAddress,
    gone: isFile ? "NOT_FOUND" : "REFUSED",
    hasOrigins: !isFile,
    isHttp2,
    async serve(options, handlers) {
      const place = parts.place();
      const server = await serveOn(listen, { ...place, ...options }, handlers, host);
      return { server, url: parts.url(place, server.port) };
    },
    connect: (url, options, handlers) =>
      connectOn(connect, url, { ...parts.way(url), ...options }, handlers, host),
    async listen() {
      const place = parts.place();
      const listener = await listenStreams(listen, place);
      return { listener, url: parts.url(place, listener.port) };
    },
    dial(url) {
      const { hostname, port } = new URL(url);
      return connect({ hostname, port: Number(port), ...parts.way(url) }, (transport) => transport);
    },
  };
}

/** Sockets of the runtime at hand. */
const sockets = { listen: adapter.listenTransport, connect: adapter.connectTransport };

/** Where a wire leads. */
type Way = Pick<Parts, "remoteAddress" | "place" | "url" | "way">;

/** To a port of the loopback, without TLS and with it. */
const overTcp: Way = {
  remoteAddress: "127.0.0.1",
  place: () => ({ port: 0, hostname: "127.0.0.1" }),
  url: (_, port) => `ws://127.0.0.1:${port}`,
  way: () => ({}),
};

const overTls: Way = {
  remoteAddress: "127.0.0.1",
  place: () => ({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: certificate, key: privateKey },
  }),
  url: (_, port) => `wss://127.0.0.1:${port}`,
  way: () => ({ tls: { ca: authority } }),
};

const tcp = wireOf({
  ...sockets,
  name: "TCP",
  ...overTcp,
});

const tls = wireOf({
  ...sockets,
  name: "TLS",
  ...overTls,
});

const folder = mkdtempSync(join(tmpdir(), "framewire-"));
atExit(() => {
  rmSync(folder, { recursive: true });
});
const paths = new Map<string, string>();
let files = 0;

/** The URLs are names for paths. */
const unix = wireOf({
  ...sockets,
  name: "a Unix socket",
  isFile: true,
  remoteAddress: undefined,
  place: () => ({ path: join(folder, `${++files}.sock`) }),
  url({ path }) {
    const url = `ws://socket-${paths.size}`;
    paths.set(new URL(url).host, path!);
    return url;
  },
  way: (url) => ({ path: paths.get(new URL(url).host) }),
});

const memory = memoryNetwork({ capacity: 64 * 1024 });

const inMemory = wireOf({
  listen: memory.listen,
  connect: memory.connectTransport,
  name: "memory",
  remoteAddress: "memory",
  place: () => ({ port: 0 }),
  url: (_, port) => `ws://memory:${port}`,
  way: () => ({}),
});

/** A network of pairs of Web Streams, joined back to back. */
const takers = new Map<number, (transport: Transport) => void>();
let nextPort = 1000;

const listenOnStreams: Listen = (_, accept) => {
  const port = nextPort++;
  takers.set(port, accept);
  const close = (): Promise<void> => {
    takers.delete(port);
    return Promise.resolve();
  };
  return Promise.resolve({ port, hostname: "streams", close });
};

function openStreams({ port }: { readonly port: number }): StreamPair {
  const accept = takers.get(port);
  if (accept === undefined) throw new TransportError("REFUSED");
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  accept(streamsTransport({ readable: there.readable, writable: back.writable }));
  return { readable: back.readable, writable: there.writable };
}

const streams = wireOf({
  listen: listenOnStreams,
  connect: connectBy(openStreams),
  name: "Web Streams",
  remoteAddress: undefined,
  place: () => ({ port: 0 }),
  url: (_, port) => `ws://streams:${port}`,
  way: () => ({}),
});

/** A server of `node:http2` for each that listens, over TLS where that is asked for. */
const listenOnHttp2: Listen = async ({ tls, hostname, port, ...options }, accept) => {
  const server =
    tls === undefined ? createHttp2Server() : createSecureHttp2Server(tls as SecureServerOptions);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  const listener = await adapter.listenTransport(
    { ...options, server, http2MayCrash: true },
    accept,
  );
  return {
    port: listener.port,
    hostname: listener.hostname,
    async close() {
      await listener.close();
      server.close();
    },
  };
};

/** A session for each connection, which ends with it. */
const connectByHttp2: Connect = async (options, attach) => {
  const { hostname, port, tls } = options;
  const scheme = tls === undefined ? "http" : "https";
  const session = connectHttp2(
    `${scheme}://${hostname}:${port}`,
    tls as SecureClientSessionOptions,
  );
  session.on("error", () => {}); // who connects is told
  const request = session.request.bind(session);
  session.request = (headers, requestOptions) => {
    const stream = request(headers, requestOptions);
    stream.on("close", () => {
      session.close();
    });
    return stream;
  };
  try {
    return await overHttp2(session, { http2MayCrash: true })(options, attach);
  } catch (error) {
    session.destroy();
    throw error;
  }
};

const http2 = wireOf({
  isHttp2: true,
  listen: listenOnHttp2,
  connect: connectByHttp2,
  name: "HTTP/2",
  ...overTcp,
});

const http2Tls = wireOf({
  isHttp2: true,
  listen: listenOnHttp2,
  connect: connectByHttp2,
  name: "HTTP/2 over TLS",
  ...overTls,
});

/** TCP, TLS and Unix sockets of the runtime at hand, HTTP/2, and what needs no runtime. */
export const wires: readonly Wire[] = [
  ...[tcp, tls, ...(hasUnixSockets ? [unix] : [])],
  ...[http2, http2Tls, streams, inMemory],
];

/**
 * Connecting on Cloudflare's Workers, by their `cloudflare:sockets`.
 *
 * @module
 */

import type { TransportCode } from "../../src/errors.ts";
import type {
  ConnectOptions,
  TlsOptions,
  Transport,
  Tunnel,
  TunnelStream,
} from "../../src/transport.ts";
import { connecting } from "../connecting.ts";
import { type StreamFacts, type StreamPair, StreamsTransport } from "../streams/transport.ts";
import { toTransportError } from "../transport-error.ts";

/** The members of a Worker's `Socket` that are used. */
interface CloudflareSocket extends StreamPair {
  readonly opened: Promise<unknown>;
  startTls(options: { readonly expectedServerHostname: string }): CloudflareSocket;
  close(): Promise<void>;
}

/** The members of `cloudflare:sockets` that are used. */
interface CloudflareSockets {
  connect(
    address: { readonly hostname: string; readonly port: number },
    options: {
      readonly secureTransport: "off" | "starttls";
      readonly allowHalfOpen: true;
      readonly highWaterMark: number;
    },
  ): CloudflareSocket;
}

/** The members of a reader that fills the caller's memory. */
interface FillingReader {
  read(into: Uint8Array): Promise<{ readonly value?: Uint8Array | undefined }>;
  releaseLock(): void;
}

/** @throws {TypeError} An option asks for something that Workers do not have. */
function checkOptions({ path, noDelay, keepAlive, tls, tunnelTls }: ConnectOptions): void {
  if (path !== undefined) throw new TypeError("Workers have no Unix sockets: leave path out");
  if (noDelay !== undefined || (keepAlive ?? false) !== false) {
    throw new TypeError("Workers leave noDelay and keepAlive to the platform: leave them out");
  }
  for (const options of [tls, tunnelTls]) if (options !== undefined) checkTls(options);
  if (tls !== undefined && tunnelTls !== undefined) {
    throw new TypeError("Workers do no TLS inside TLS: a wss URL cannot go through an https proxy");
  }
}

function checkTls(options: TlsOptions): void {
  const [unknown] = Object.entries(options).filter(
    ([name, value]) => name !== "serverName" && value !== undefined,
  );
  if (unknown === undefined) return;
  throw new TypeError(
    `Workers know only one TLS option, serverName, and trust the platform's authorities. Unknown: tls.${unknown[0]}`,
  );
}

/** Reads no more than it gives, so that the rest is left for the next reader. */
class CloudflareTunnelStream implements TunnelStream {
  readonly #socket: CloudflareSocket;

  constructor(socket: CloudflareSocket) {
    this.#socket = socket;
  }

  async read(into: Uint8Array): Promise<number> {
    if (into.length === 0) return 0;
    const { readable } = this.#socket as unknown as {
      readonly readable: { getReader(options: { readonly mode: "byob" }): FillingReader };
    };
    const reader = readable.getReader({ mode: "byob" });
    try {
      // The array given to it is detached, so that it cannot be the caller's.
      const { value } = await reader.read(new Uint8Array(into.length));
      if (value !== undefined) into.set(value);
      return value?.length ?? 0;
    } catch (error) {
      throw toTransportError(error);
    } finally {
      reader.releaseLock();
    }
  }

  async write(from: Uint8Array): Promise<void> {
    const writer = this.#socket.writable.getWriter() as unknown as {
      write(bytes: Uint8Array): Promise<void>;
      releaseLock(): void;
    };
    try {
      await writer.write(from);
    } catch (error) {
      throw toTransportError(error);
    } finally {
      writer.releaseLock();
    }
  }
}

/** A connection that is being made: TCP, and on top of it the layers that the options ask for. */
class CloudflareRoute {
  readonly #options: ConnectOptions;
  #socket: CloudflareSocket | undefined;
  #isGivenUp = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /** Makes the connection with all its layers. */
  async open(): Promise<Transport> {
    const { hostname, port, tls, tunnel, tunnelTls } = this.#options;
    // Imported here: only Workers have this module, but other platforms must be able to load this file.
    // @ts-expect-error -- the package has no types for this module, since it is compiled for all runtimes
    const { connect } = (await import("cloudflare:sockets")) as CloudflareSockets;
    const isSecure = tls !== undefined || tunnelTls !== undefined;
    const address = { hostname: hostname.includes(":") ? `[${hostname}]` : hostname, port };
    const info = await this.#reached(
      connect(address, {
        secureTransport: isSecure ? "starttls" : "off",
        allowHalfOpen: true,
        // Without it, the writable stream accepts everything at once.
        highWaterMark: 1,
      }),
      "FAILED",
    );
    if (tunnelTls !== undefined) await this.#secure(tunnelTls, hostname);
    if (tunnel !== undefined) await this.#tunnel(tunnel);
    if (tls !== undefined) await this.#secure(tls, hostname);
    return new StreamsTransport(this.#socket!, { ...factsOf(info), encrypted: isSecure });
  }

  /** Drops the connection. */
  destroy(): void {
    this.#isGivenUp = true;
    void this.#socket?.close().catch(ignore);
  }

  async #tunnel(tunnel: Tunnel): Promise<void> {
    await tunnel(new CloudflareTunnelStream(this.#socket!));
  }

  /** Does TLS on the present layer. The name is always given, since the proxy has another one. */
  async #secure({ serverName }: TlsOptions, hostname: string): Promise<void> {
    let secured: CloudflareSocket;
    try {
      secured = this.#socket!.startTls({ expectedServerHostname: serverName ?? hostname });
    } catch (error) {
      throw toTransportError(error, "TLS_FAILED");
    }
    await this.#reached(secured, "TLS_FAILED");
  }

  /** Waits until a socket is open; `code` is for a failure that is not recognized. */
  async #reached(socket: CloudflareSocket, code: TransportCode): Promise<unknown> {
    this.#socket = socket;
    if (this.#isGivenUp) this.destroy();
    try {
      return await socket.opened;
    } catch (error) {
      throw toTransportError(error, code);
    }
  }
}

function ignore(): void {}

/** Gives the addresses that a socket tells: "192.0.2.1:443" and "[2001:db8::1]:443". */
function factsOf(info: unknown): StreamFacts {
  const { remoteAddress, localAddress } = info as {
    readonly remoteAddress?: string | null;
    readonly localAddress?: string | null;
  };
  const [remote, remotePort] = partsOf(remoteAddress);
  const [local, localPort] = partsOf(localAddress);
  return { remoteAddress: remote, remotePort, localAddress: local, localPort };
}

function partsOf(
  address: string | null | undefined,
): [host: string | undefined, port: number | undefined] {
  const parts = /^\[?(.*?)\]?:(\d+)$/.exec(address ?? "");
  return parts === null ? [undefined, undefined] : [parts[1], Number(parts[2])];
}

/**
 * Connects with `connect` of `cloudflare:sockets`, and does TLS by its `startTls`, so that failures of TCP and TLS differ.
 *
 * Workers do not distinguish a host that is not found from one that refuses: both are `REFUSED`.
 *
 * @param attach Called once with the connected transport. It must set the handler of the transport before it returns; its
 * result becomes the result of the promise.
 * @throws {TypeError} `path`, `noDelay`, `keepAlive`, an option of `tls` other than `serverName`, or TLS inside TLS.
 * @throws {TransportError} `REFUSED`, `TLS_FAILED`, `RESET`, `FAILED`
 * @throws The error of the tunnel; the signal's reason, if it is aborted.
 */
export function connectTransport<Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  return connecting(options, attach, (attempt) => {
    const route = new CloudflareRoute(options);
    try {
      checkOptions(options);
    } catch (error) {
      attempt.reject(error);
      return ignore;
    }
    route.open().then(attempt.succeed, (error: unknown) => {
      route.destroy();
      attempt.reject(error);
    });
    return () => {
      route.destroy();
    };
  });
}

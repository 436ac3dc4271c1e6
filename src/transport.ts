/**
 * The only door between the core and a socket: what an adapter implements and what it calls. Types only.
 *
 * @module
 */

/** A connected byte stream, whatever runtime it came from. */
export interface Transport {
  /**
   * Who gets the events. Whoever receives the transport sets it before returning; no event comes earlier. The core may
   * replace it inside one of the handler's own calls: the next event then goes to the new one.
   */
  handler: TransportHandler;
  /**
   * Sends bytes.
   *
   * After `end`, `destroy` or a failure it takes the bytes and drops them; the failure itself arrives as `onClose`.
   *
   * @returns true: they are taken, and the array may be reused at once. false: the array is borrowed until `onDrain`,
   * and nothing more may be written before it. So at most one write is under way, and the core batches behind it.
   */
  write(bytes: Uint8Array): boolean;
  /** Stops delivery. A chunk that is already on its way may still come. */
  pause(): void;
  /** Goes on with delivery. */
  resume(): void;
  /** Sends FIN once what was written has left. Reading goes on. */
  end(): void;
  /** Drops the connection at once; `onClose` follows, never inside the call. */
  destroy(): void;
  /** The peer's IP address; to be asked while the connection is open, since Node forgets it afterwards. */
  readonly remoteAddress: string | undefined;
  /** The peer's port. */
  readonly remotePort: number | undefined;
}

/** What a transport calls. Calls never overlap and never come from inside a call to the transport. */
export interface TransportHandler {
  /** Bytes have come. The chunk is the handler's until this returns: it may be changed in place, and not kept. */
  onData(chunk: Uint8Array): void;
  /** The bytes of a write that returned false have been taken; the array is free again. */
  onDrain(): void;
  /** The peer has sent FIN. */
  onEnd(): void;
  /** The last event, always, and exactly once. */
  onClose(error?: Error): void;
}

/** A listening socket. */
export interface Listener {
  /** Port that it listens on, also where 0 was asked for. */
  readonly port: number;
  /** Address that it listens on. */
  readonly hostname: string;
  /** Stops accepting; accepted connections live on. A second call is harmless. */
  close(): Promise<void>;
}

/** Where to listen. */
export interface ListenOptions {
  /** TCP port, 0 to 65535; 0 takes a free one. */
  readonly port: number;
  /** Address or name to listen on. Default: "0.0.0.0", every IPv4 address. */
  readonly hostname?: string | undefined;
}

/**
 * Starts to listen: what an adapter gives to the core.
 *
 * @param accept Called with each accepted connection; it sets the transport's handler before it returns.
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 */
export type Listen = (
  options: ListenOptions,
  accept: (transport: Transport) => void,
) => Promise<Listener>;

/** What is used of an `AbortSignal`. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * TLS of a client. What an adapter does not know goes to its runtime's own call as it is: `rejectUnauthorized` on Node
 * and Bun (Deno has nothing like it), `ALPNProtocols` (Node, Bun) or `alpnProtocols` (Deno).
 */
export interface TlsOptions {
  /**
   * Name that the certificate must be for, and that is sent as SNI. Default: the host that is connected to. On Deno it
   * cannot differ from the host where there is a `cert`.
   */
  readonly serverName?: string | undefined;
  /** Certificates in PEM that are trusted beside (Deno) or instead of (Node, Bun) the runtime's own. */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's own certificate chain in PEM. */
  readonly cert?: string | undefined;
  /** The private key to `cert`, in PEM. */
  readonly key?: string | undefined;
  readonly [option: string]: unknown;
}

/** Where to connect to. */
export interface ConnectOptions {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** TLS, done before the transport is given out. Default: none. */
  readonly tls?: TlsOptions | undefined;
  /** Gives up when it is aborted; afterwards it has no say. */
  readonly signal?: Signal | undefined;
}

/**
 * Connects to a server: what an adapter gives to the core.
 *
 * @param attach Called once with the connected transport; it sets the transport's handler before it returns, and its
 * result is what the promise is resolved with.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND` (no such host), `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export type Connect = <Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
) => Promise<Result>;

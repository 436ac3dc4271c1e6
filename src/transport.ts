/**
 * The only door between the core and a socket: what an adapter implements and what it calls. Types only.
 *
 * @module
 */

/**
 * A certificate that a peer has shown: the runtime's own object. Node and Bun both have the fields below, which have Node's
 * names.
 */
export interface PeerCertificate {
  /** The certificate itself, in DER; yours. */
  readonly raw: Uint8Array;
  /** The holder of the certificate, such as { CN: "localhost" }. */
  readonly subject: object;
  /** The authority that has signed the certificate. */
  readonly issuer: object;
  /** Names and addresses for which the certificate is valid, such as "DNS:localhost, IP Address:127.0.0.1". */
  readonly subjectaltname?: string | undefined;
  /** Start of the validity, such as "Jan  1 00:00:00 2020 GMT". */
  readonly valid_from: string;
  /** End of the validity, in the same form. */
  readonly valid_to: string;
  /** The serial number, in hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256 of `raw`: its bytes in hexadecimal, with colons between them. */
  readonly fingerprint256: string;
}

/** Result of the TLS handshake. Reading a field asks the runtime, so read it while the connection is open. */
export interface TlsFacts {
  /** The protocol that ALPN chose (RFC 7301), such as "http/1.1"; undefined if there is none. */
  readonly alpnProtocol: string | undefined;
  /** Host name that the client sent by SNI (RFC 6066, 3); undefined if it sent none, and on Deno, which does not tell. */
  readonly serverName: string | undefined;
  /** The version of TLS, such as "TLSv1.3"; undefined if the runtime does not tell (docs/runtimes.md). */
  readonly version: string | undefined;
  /**
   * Whether the peer has shown a trusted certificate. On a client: true, unless `rejectUnauthorized` is false. On a server:
   * false, unless `requestCert` is true. Always undefined on Deno: its servers ask for no certificate, and its clients accept
   * only trusted ones.
   */
  readonly authorized: boolean | undefined;
  /** The peer's certificate, trusted or not; undefined if the peer has shown none, or the runtime does not tell. */
  readonly peerCertificate: PeerCertificate | undefined;
}

/** What the transport knows about a connection beside its bytes. */
export interface TransportFacts {
  /**
   * The peer's IP address; undefined over a Unix socket. Read it while the connection is open, since Node forgets it afterwards.
   */
  readonly remoteAddress: string | undefined;
  /** The peer's port. */
  readonly remotePort: number | undefined;
  /** This side's own IP address; undefined over a Unix socket. Read it while the connection is open. */
  readonly localAddress?: string | undefined;
  /** This side's own port; undefined over a Unix socket. Read it while the connection is open. */
  readonly localPort?: number | undefined;
  /** Whether TLS encrypts the bytes. Default: false. */
  readonly encrypted?: boolean | undefined;
  /** Facts about the TLS connection; undefined without TLS. */
  readonly tls?: TlsFacts | undefined;
}

/** A connected byte stream of any runtime. */
export interface Transport extends TransportFacts {
  /**
   * The object that gets the events. The function that receives the transport sets the handler before it returns, and no event
   * comes earlier. The core may replace the handler during a call of a handler's method. Then the next event goes to the new
   * handler.
   */
  handler: TransportHandler;
  /**
   * Whether each chunk has memory of its own, which the transport does not use again. Then the core may keep the chunk. Default:
   * false.
   */
  readonly hasOwnChunks?: boolean | undefined;
  /**
   * Sends bytes.
   *
   * After `end` or `destroy` the transport takes the bytes and drops them. After a failure it returns false and never gives the
   * array back, so the sender waits until `onClose` reports the failure. If it returned true then, a loop that awaits each send
   * would never wait, and on Node `onClose` could not come.
   *
   * @param bytes The transport must not change or transfer these bytes, since other connections may send the same array. A
   * transport that has to change them makes a copy.
   * @returns true: the transport has taken the bytes, and the caller may reuse the array at once. false: the transport borrows
   * the array until `onDrain`, and the caller must not write before that. So at most one write is under way, and the core
   * collects further bytes meanwhile.
   */
  write(bytes: Uint8Array): boolean;
  /** Stops the delivery of bytes. A chunk that is already on its way may still come. */
  pause(): void;
  /** Continues the delivery of bytes. */
  resume(): void;
  /** Sends FIN after all written bytes have left. Reading goes on. */
  end(): void;
  /** Drops the connection at once. `onClose` follows, but never inside this call. */
  destroy(): void;
  /** The open connection keeps the process alive, as at the start. Absent if the transport cannot change this. */
  ref?(): void;
  /** The process may end although the connection is open. */
  unref?(): void;
}

/** What a transport calls. Calls never overlap, and a transport never calls the handler inside a call to the transport. */
export interface TransportHandler {
  /**
   * Bytes have come. The handler may change the chunk in place, and owns it until this call returns, or for ever if the transport
   * has `hasOwnChunks`. The chunk is a plain Uint8Array, not of a subclass.
   */
  onData(chunk: Uint8Array): void;
  /** The system has taken the bytes of a write that returned false. The array is free again. */
  onDrain(): void;
  /** The peer has sent FIN. */
  onEnd(): void;
  /** The connection is over. This event comes exactly once, and no event follows it. */
  onClose(error?: Error): void;
}

/** A listening socket. */
export interface Listener {
  /** Port on which it listens, also if port 0 was asked for; 0 for a Unix socket, and while a server does not listen. */
  readonly port: number;
  /** Address on which it listens, or the path of a Unix socket. */
  readonly hostname: string;
  /** Stops accepting. Accepted connections stay open. A second call has no effect. */
  close(): Promise<void>;
  /**
   * The listener keeps the process alive, as at the start. Absent if the socket belongs to your own server.
   */
  ref?(): void;
  /** The process may end although the listener is open. */
  unref?(): void;
}

/**
 * TLS of a server. You may add any option that the runtime documents for its own call, such as `ALPNProtocols` (Node, Bun) or
 * `alpnProtocols` (Deno); framewire passes it on unchanged. Any other name is a TypeError.
 */
export interface ServerTlsOptions {
  /** The certificate chain in PEM, with the server's own certificate first. */
  readonly cert: string;
  /** The private key of `cert`, in PEM. */
  readonly key: string;
  /**
   * Certificates in PEM of the authorities that may sign a client's certificate. TypeError on Deno, which does not support it.
   */
  readonly ca?: string | readonly string[] | undefined;
  /** Asks clients for a certificate. TypeError on Deno, which does not support it. Default: false. */
  readonly requestCert?: boolean | undefined;
  /** Drops clients that show no trusted certificate when `requestCert` asks for one. Default: true. */
  readonly rejectUnauthorized?: boolean | undefined;
  /**
   * Milliseconds for the TLS handshake. Then the connection is dropped. Deno cannot drop it, so there framewire ignores the
   * connection until the peer leaves. 0 or Infinity: no limit. Default: 10 000.
   */
  readonly handshakeTimeout?: number | undefined;
  /** Further options of the runtime's own call, under its names: undocumented or newer ones. They are not checked. */
  readonly runtimeOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly [option: string]: unknown;
}

/**
 * The methods that framewire uses of a server that emits its connections as events, as `node:http`, `node:net` and `node:tls` do.
 */
export interface EventServer {
  /** Gives the place where the server listens: an object with `port` and `address`, the path of a Unix socket, or null. */
  address(): unknown;
  /** Adds a listener. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as Node's own declaration has it
  on(event: string, listener: (...values: any[]) => void): unknown;
  /** Removes a listener. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as Node's own declaration has it
  off(event: string, listener: (...values: any[]) => void): unknown;
  /** Stops listening. framewire calls this for the option `listener`, never for the option `server`. */
  close(): unknown;
  /** The server keeps the process alive. framewire calls this for the option `listener` only. */
  ref?(): unknown;
  /** The process may end although the server listens. framewire calls this for the option `listener` only. */
  unref?(): unknown;
}

/** The methods that framewire uses of a listener that is asked for each of its connections. */
export interface AcceptingListener {
  /** The place where it listens: an object with `hostname` and `port`, or with `path`. */
  readonly addr: object;
  /** Gives the next connection. From then on the connection belongs to the core. */
  accept(): Promise<unknown>;
  /** Stops listening. A pending `accept` rejects. */
  close(): void;
  /** The listener keeps the process alive. */
  ref?(): void;
  /** The process may end although the listener is open. */
  unref?(): void;
}

/** How the system treats a TCP connection. These options have no effect on a Unix socket. */
export interface TcpOptions {
  /**
   * Whether small writes leave at once (TCP_NODELAY). With false, a small write may wait for the answer to an earlier one
   * (Nagle's algorithm), which suits many small messages in one direction. TypeError where the runtime cannot do it: true with
   * Deno's own TLS server, which always uses Nagle's algorithm, and false on Bun with `server`. Default: true, except with Deno's
   * own TLS server.
   */
  readonly noDelay?: boolean | undefined;
  /**
   * Whether the system itself checks that a silent peer is still there (SO_KEEPALIVE). true uses the system's times, on Linux two
   * hours and eleven minutes in all. A number is the milliseconds of silence before the first probe: 1 000 to 32 767 000, in
   * whole seconds; Node and Bun then probe nine times more, a second apart. TypeError where the runtime cannot do it: on Deno a
   * number for its own listener, and anything but false with its own TLS server; on Bun anything but false with `server`. The
   * option `pingInterval` finds dead peers sooner, and also through proxies. Default: false.
   */
  readonly keepAlive?: boolean | number | undefined;
}

/** Where to listen: give exactly one of `port`, `path`, `server` and `listener`. */
export interface ListenOptions extends TcpOptions {
  /** TCP port, 0 to 65535; 0 stands for any free port. */
  readonly port?: number | undefined;
  /**
   * Address or name on which to listen, with `port`. A client that comes by IPv4 has an IPv4 address (192.0.2.1, not
   * ::ffff:192.0.2.1). If the sockets for IPv6 take no IPv4 (`net.ipv6.bindv6only`), Deno listens on IPv6 alone. Default: "::",
   * every address of both families; "0.0.0.0", every IPv4 address, if the system has no IPv6, or Deno may not listen on "::".
   */
  readonly hostname?: string | undefined;
  /**
   * Number of connections that the system may hold before the process accepts them, with `port` or `path`; at least 1. The system
   * has a limit of its own (on Linux `net.core.somaxconn`, 4096). TypeError on Bun, which always asks for 512, and on Deno with
   * `path`. Default: 511.
   */
  readonly backlog?: number | undefined;
  /**
   * Shares the port with other processes that also set this option (SO_REUSEPORT), with `port`. The kernel gives each connection
   * to one of the processes. This needs Linux; Node 22.12, 23.1 or later (for older ones use `node:cluster`); on Deno the flag
   * `--unstable-net`. Otherwise it is a TypeError. Default: false.
   */
  readonly reusePort?: boolean | undefined;
  /**
   * Path of a Unix socket: at most 107 bytes on Linux, 103 on other systems; a longer path is a RangeError. Closing the listener
   * deletes the socket's file. If a process has died and left the file, listening fails with `ADDRESS_IN_USE` until somebody
   * deletes the file. If its folder does not exist, listening fails with `FAILED`, on Node with `ACCESS_DENIED`.
   */
  readonly path?: string | undefined;
  /** TLS, with `port`, or with `path` if the runtime has TLS over Unix sockets; otherwise a TypeError. Default: none. */
  readonly tls?: ServerTlsOptions | undefined;
  /**
   * A server of `node:http`, `node:https` or `node:http2`. framewire takes its `upgrade` events, and the streams that an extended
   * CONNECT opens. Everything else stays with your server. It need not listen yet, and it stays open when framewire's listener is
   * closed.
   */
  readonly server?: EventServer | undefined;
  /**
   * Accepts a `server` of `node:http2` also on Deno, where a peer can end the whole process by HTTP/2 (a bug of Deno:
   * docs/http2.md). No effect on other runtimes. Default: false, so such a server is a TypeError on Deno.
   */
  readonly http2MayCrash?: boolean | undefined;
  /**
   * A server of `node:net` or `node:tls`, or on Deno a `Deno.Listener`. framewire takes its connections, and closes it together
   * with framewire's listener. A listener of `Bun.listen` is not possible: new handlers (`reload`) would also get its older
   * sockets.
   */
  readonly listener?: EventServer | AcceptingListener | undefined;
}

/**
 * Starts to listen. Each adapter gives the core such a function.
 *
 * @param accept Called with each accepted connection. It sets the transport's handler before it returns. `bytes` are the bytes
 * that were already read from the connection; the core owns them.
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `NOT_FOUND` (the folder of a Unix socket does not exist; on Node
 * that is `ACCESS_DENIED`), `TLS_FAILED` (the certificate or the key is not usable), `FAILED`
 * @throws {TypeError} Not exactly one place to listen is given, or the runtime cannot do what an option asks for.
 * @throws {RangeError} A number is out of its range.
 */
export type Listen = (
  options: ListenOptions,
  accept: (transport: Transport, bytes?: Uint8Array) => void,
) => Promise<Listener>;

/** The part of an `AbortSignal` that framewire uses. */
export interface Signal {
  /** Whether it is aborted. */
  readonly aborted: boolean;
  /** The reason that `abort` was called with. */
  readonly reason: unknown;
  /** Adds a listener. It is called once, when the signal aborts later. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Removes a listener. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * The runtime's own `AbortSignal`, for example for `fetch`. In a project without a runtime's types it is {@link Signal}, so that
 * the package's declarations compile in both cases.
 */
export type RuntimeSignal = typeof globalThis extends {
  /** The runtime's class. */
  AbortSignal: {
    /** The type of its instances. */
    prototype: infer Own;
  };
}
  ? Own
  : Signal;

/**
 * TLS of a client. You may add any option that the runtime documents for its own call; framewire passes it on unchanged:
 * `rejectUnauthorized` on Node and Bun (no effect on Deno), `ALPNProtocols` (Node, Bun) or `alpnProtocols` (Deno). Any other name
 * is a TypeError if TLS is used. The runtime's own call is that of `node:tls` on Bun behind a tunnel; and on Deno for TLS inside
 * TLS, over a Unix socket, and with `cert` behind a tunnel.
 */
export interface TlsOptions {
  /**
   * Name or address that the certificate must have. A name is sent as SNI, without a dot at its end. On Deno it must be the
   * host's name if `cert` is given, except behind a tunnel and over a Unix socket. Default: the host to which the client
   * connects.
   */
  readonly serverName?: string | undefined;
  /** Trusted certificates in PEM: in addition to the runtime's own (Deno), or instead of them (Node, Bun). */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's own certificate chain in PEM. */
  readonly cert?: string | undefined;
  /** The private key of `cert`, in PEM. */
  readonly key?: string | undefined;
  /** Further options of the runtime's own call, under its names: undocumented or newer ones. They are not checked. */
  readonly runtimeOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly [option: string]: unknown;
}

/** A connected stream before it becomes a transport. Only a call of `read` reads bytes, so none is read too early. */
export interface TunnelStream {
  /**
   * Reads up to `into.length` bytes to the start of `into`, at least one byte if there is room for one. Make one read at a time.
   *
   * @param into The stream borrows the array until the promise settles.
   * @returns Number of bytes read; 0 at the end of the stream.
   * @throws {TransportError} `RESET`, `FAILED`
   */
  read(into: Uint8Array): Promise<number>;
  /**
   * Writes all of `from`. The stream borrows the array until the promise settles. Make one write at a time.
   *
   * @throws {TransportError} `RESET`, `FAILED`
   */
  write(from: Uint8Array): Promise<void>;
}

/**
 * A dialogue on a connected stream before anything else, such as asking a proxy for a connection. Bytes that it does not read
 * belong to the next protocol. If it throws, the connection is dropped, and connecting fails with its error.
 */
export type Tunnel = (stream: TunnelStream) => Promise<void>;

/** Where to connect to. */
export interface ConnectOptions extends TcpOptions {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /**
   * Path of a Unix socket to which to connect, instead of `hostname` and `port`; TLS still uses `hostname`. At most 107 bytes on
   * Linux, 103 on other systems; a longer path is a RangeError.
   */
  readonly path?: string | undefined;
  /** Runs on the connected stream before `tls`. Then `tls.serverName` names the peer behind the tunnel. Default: none. */
  readonly tunnel?: Tunnel | undefined;
  /** TLS with the host that `tunnel` talks to, such as a proxy with an https: URL. It comes before `tunnel`. Default: none. */
  readonly tunnelTls?: TlsOptions | undefined;
  /** TLS, before the transport is given out. Default: none. */
  readonly tls?: TlsOptions | undefined;
  /** Gives up when this signal aborts. Has no effect after connecting. */
  readonly signal?: Signal | undefined;
}

/**
 * Connects to a server. Each adapter gives the core such a function.
 *
 * @param attach Called once with the connected transport. It sets the transport's handler before it returns. The promise resolves
 * with its result.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND` (the host does not exist), `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The error of the tunnel, or the signal's reason when the signal aborts.
 */
export type Connect = <Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
) => Promise<Result>;

/**
 * The only door between the core and a socket: what an adapter implements and what it calls. Types only.
 *
 * @module
 */

/**
 * A certificate that a peer has shown: the runtime's own object. What is named here Node and Bun both give, under Node's
 * names.
 */
export interface PeerCertificate {
  /** The certificate itself, in DER; yours. */
  readonly raw: Uint8Array;
  /** Whom it is for, such as { CN: "localhost" }. */
  readonly subject: object;
  /** Who has signed it. */
  readonly issuer: object;
  /** Names and addresses that it is for, such as "DNS:localhost, IP Address:127.0.0.1". */
  readonly subjectaltname?: string | undefined;
  /** Such as "Jan  1 00:00:00 2020 GMT". */
  readonly valid_from: string;
  /** Until when, likewise. */
  readonly valid_to: string;
  /** In hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256 of `raw`, its bytes in hexadecimal between colons. */
  readonly fingerprint256: string;
}

/** What the TLS handshake came to. A field is looked up when it is asked for; ask while the connection is open. */
export interface TlsFacts {
  /** The protocol that was agreed on by ALPN, such as "http/1.1"; undefined for none (RFC 7301). */
  readonly alpnProtocol: string | undefined;
  /** Name that the client asked for by SNI; undefined for none, and on Deno, which does not tell (RFC 6066, 3). */
  readonly serverName: string | undefined;
  /** Such as "TLSv1.3"; undefined where the runtime does not tell (docs/runtimes.md). */
  readonly version: string | undefined;
  /**
   * Whether the peer has shown a certificate that is trusted: true on a client, but with `rejectUnauthorized: false`; on a
   * server false, but with `requestCert`. Undefined on Deno, whose servers ask for none and whose clients trust none else.
   */
  readonly authorized: boolean | undefined;
  /** The peer's certificate, trusted or not; undefined where it has shown none, or the runtime tells of none. */
  readonly peerCertificate: PeerCertificate | undefined;
}

/** What is known of a connection beside its bytes. */
export interface TransportFacts {
  /**
   * The peer's IP address, or undefined over a Unix socket; to be asked while the connection is open, since Node forgets
   * it afterwards.
   */
  readonly remoteAddress: string | undefined;
  /** The peer's port. */
  readonly remotePort: number | undefined;
  /** This side's own IP address, or undefined over a Unix socket; to be asked while the connection is open. */
  readonly localAddress?: string | undefined;
  /** This side's own port, likewise. */
  readonly localPort?: number | undefined;
  /** Whether the bytes go through TLS. Default: false. */
  readonly encrypted?: boolean | undefined;
  /** What is known of that TLS; undefined without. */
  readonly tls?: TlsFacts | undefined;
}

/** A connected byte stream, whatever runtime it came from. */
export interface Transport extends TransportFacts {
  /**
   * Who gets the events. The one that receives the transport sets it before returning; no event comes earlier. The core may
   * replace it inside one of the handler's own calls: the next event then goes to the new one.
   */
  handler: TransportHandler;
  /**
   * Whether each chunk lies in memory of its own, where nothing follows it: then it may be kept. Default: false.
   */
  readonly hasOwnChunks?: boolean | undefined;
  /**
   * Sends bytes.
   *
   * After `end` or `destroy` it takes the bytes and drops them. Behind a failure it borrows them, and gives them back no more:
   * a sender waits until the failure arrives as `onClose`. If such bytes were taken, a loop that awaits each send would
   * never wait, and on Node not let `onClose` come.
   *
   * @param bytes Never to be changed, nor transferred: other connections may send the same ones. Who needs that copies them.
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
  /** The process lives on for it, as at the beginning. Where it is absent, the process does not live on for it, or cannot else. */
  ref?(): void;
  /** The process may end although it is open. */
  unref?(): void;
}

/** What a transport calls. Calls never overlap and never come from inside a call to the transport. */
export interface TransportHandler {
  /**
   * Bytes have come. The chunk is the handler's until this returns, or for ever where the transport `hasOwnChunks`: it may be
   * changed in place. It is a plain Uint8Array, no subclass of it.
   */
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
  /** Port that it listens on, also where 0 was asked for; 0 for a Unix socket, and while a server does not listen. */
  readonly port: number;
  /** Address that it listens on, or the path of a Unix socket. */
  readonly hostname: string;
  /** Stops accepting; accepted connections live on. A second call is harmless. */
  close(): Promise<void>;
  /** The process lives on for it, as at the beginning. Absent where it is somebody else's. */
  ref?(): void;
  /** The process may end although it listens. */
  unref?(): void;
}

/**
 * TLS of a server. Beside these, whatever the runtime's own call documents goes to it as it is, such as `ALPNProtocols` (Node,
 * Bun) or `alpnProtocols` (Deno). A name that is neither is a TypeError.
 */
export interface ServerTlsOptions {
  /** The certificate chain in PEM, the server's own first. */
  readonly cert: string;
  /** The private key to it, in PEM. */
  readonly key: string;
  /** Certificates in PEM of those who may have signed a client's certificate. Deno has nothing like it: TypeError. */
  readonly ca?: string | readonly string[] | undefined;
  /** Asks clients for a certificate. Deno has nothing like it: TypeError. Default: false. */
  readonly requestCert?: boolean | undefined;
  /** Drops clients that `requestCert` asked in vain. Default: true. */
  readonly rejectUnauthorized?: boolean | undefined;
  /**
   * Milliseconds for the TLS handshake; then the connection is dropped, or on Deno, which cannot, forgotten until the
   * peer goes. 0 or Infinity: no limit. Default: 10 000.
   */
  readonly handshakeTimeout?: number | undefined;
  /** Further options of the runtime's own call, under its names: what is not documented there, or is newer. They are not checked. */
  readonly runtimeOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly [option: string]: unknown;
}

/** What is used of a server that tells its connections by events, as those of `node:http`, `node:net` and `node:tls` do. */
export interface EventServer {
  /** Where it listens: an object with `port` and `address`, the path of a Unix socket, or null. */
  address(): unknown;
  /** Adds a listener. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's own declaration has it
  on(event: string, listener: (...values: any[]) => void): unknown;
  /** Takes a listener away again. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's own declaration has it
  off(event: string, listener: (...values: any[]) => void): unknown;
  /** Stops listening; called of a `listener` alone, never of a `server`. */
  close(): unknown;
  /** The process lives on for it; likewise. */
  ref?(): unknown;
  /** The process may end although it listens; likewise. */
  unref?(): unknown;
}

/** What is used of a listener that is asked for its connections one by one. */
export interface AcceptingListener {
  /** Where it listens: an object with `hostname` and `port`, or `path`. */
  readonly addr: object;
  /** Gives the next connection, which is the core's from then on. */
  accept(): Promise<unknown>;
  /** Stops listening; `accept` then rejects. */
  close(): void;
  /** The process lives on for it. */
  ref?(): void;
  /** The process may end although it listens. */
  unref?(): void;
}

/** How the system treats the packets of a TCP connection. A Unix socket has none, and nothing of this. */
export interface TcpOptions {
  /**
   * Whether what is written leaves at once (TCP_NODELAY); false: small writes may wait for the answer to earlier ones
   * (Nagle's algorithm), which suits many small messages in one direction. Default: true; but Deno's own TLS server cannot,
   * leaves Nagle's algorithm on, and has a TypeError for true; as has Bun for false with `server`.
   */
  readonly noDelay?: boolean | undefined;
  /**
   * Whether the system itself looks after a silent peer (SO_KEEPALIVE): true for the times that it is set to, on Linux
   * two hours and eleven minutes, or milliseconds of silence before its first question, 1 000 to 32 767 000 in whole
   * seconds. Node and Bun then ask nine times more, a second apart. What Deno cannot do is a TypeError: milliseconds where
   * it listens itself, and anything but false with its own TLS server; likewise anything but false on Bun with `server`.
   * `pingInterval` finds dead peers sooner, through
   * proxies, too. Default: false.
   */
  readonly keepAlive?: boolean | number | undefined;
}

/** Where to listen: exactly one of `port`, `path`, `server` and `listener`. */
export interface ListenOptions extends TcpOptions {
  /** TCP port, 0 to 65535; 0 takes a free one. */
  readonly port?: number | undefined;
  /**
   * Address or name to listen on, with `port`. Default: "::", every address of both families; where the system has no IPv6, and
   * where Deno may not listen there, "0.0.0.0", every IPv4 address. Who comes by IPv4 has an IPv4 address (192.0.2.1, and not
   * ::ffff:192.0.2.1). On a system whose sockets of IPv6 take no IPv4 (`net.ipv6.bindv6only`), Deno listens on IPv6 alone.
   */
  readonly hostname?: string | undefined;
  /**
   * Connections that the system may hold which the process has not accepted yet, with `port` or `path`: from 1 on; the system has a
   * limit of its own (on Linux `net.core.somaxconn`, 4096). TypeError on Bun, which always asks for 512, and on Deno with `path`.
   * Default: 511.
   */
  readonly backlog?: number | undefined;
  /**
   * Shares the port with other processes that ask for the same (SO_REUSEPORT), with `port`: the kernel gives each
   * connection to one of them. It takes Linux, Node 22.12, 23.1 or later (before: `node:cluster`), and on Deno the flag
   * `--unstable-net`; without, a TypeError. Default: false.
   */
  readonly reusePort?: boolean | undefined;
  /**
   * Path of a Unix socket, of at most 107 bytes on Linux and 103 elsewhere: beyond, a RangeError. Its file goes when the
   * listener is closed; one that a dead process has left is in the way
   * (`ADDRESS_IN_USE`) until somebody deletes it. Where its folder is missing, that is `FAILED`, but on Node
   * `ACCESS_DENIED`.
   */
  readonly path?: string | undefined;
  /** TLS, with `port`, or with `path` where the runtime has TLS over Unix sockets; a TypeError elsewhere. Default: none. */
  readonly tls?: ServerTlsOptions | undefined;
  /**
   * An HTTP server of `node:http`, `node:https` or `node:http2`, whose `upgrade` events are taken, and the streams that
   * an extended CONNECT opens; everything else stays its own, as does the rest of its life: it need not listen yet, and
   * lives on when the listener is closed.
   */
  readonly server?: EventServer | undefined;
  /**
   * Takes a `server` of `node:http2` also on a runtime where a peer can end the whole process by HTTP/2, which is Deno
   * (a bug of its own: docs/http2.md); elsewhere it changes nothing. Default: false, a TypeError there.
   */
  readonly http2MayCrash?: boolean | undefined;
  /**
   * A server of `node:net` or `node:tls`, or on Deno a `Deno.Listener`, whose connections are taken, and which is closed
   * with the listener. What `Bun.listen` gives will not do: new handlers (`reload`) would get its older sockets, too.
   */
  readonly listener?: EventServer | AcceptingListener | undefined;
}

/**
 * Starts to listen: what an adapter gives to the core.
 *
 * @param accept Called with each accepted connection; it sets the transport's handler before it returns. `bytes` are
 * those that have been read of it already; they are yours.
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `NOT_FOUND` (no folder for a Unix
 * socket; on Node that is `ACCESS_DENIED`), `TLS_FAILED` (certificate or key is no good), `FAILED`
 * @throws {TypeError} Not exactly one place to listen on is given, or something that the runtime cannot do.
 * @throws {RangeError} A number is out of its range.
 */
export type Listen = (
  options: ListenOptions,
  accept: (transport: Transport, bytes?: Uint8Array) => void,
) => Promise<Listener>;

/** What is used of an `AbortSignal`. */
export interface Signal {
  /** Whether it is aborted. */
  readonly aborted: boolean;
  /** What it was aborted with. */
  readonly reason: unknown;
  /** Adds a listener, called once where it is aborted later. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Takes a listener away again. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * The runtime's own `AbortSignal`, to be given to `fetch` and the like; {@link Signal} where a project has no runtime's
 * types. The declarations of the package compile either way.
 */
export type RuntimeSignal = typeof globalThis extends {
  /** The runtime's class. */
  AbortSignal: {
    /** What it makes. */
    prototype: infer Own;
  };
}
  ? Own
  : Signal;

/**
 * TLS of a client. Beside these, whatever the runtime's own call documents goes to it as it is: `rejectUnauthorized` on Node
 * and Bun (on Deno it changes nothing), `ALPNProtocols` (Node, Bun) or `alpnProtocols` (Deno). A name that is neither is a
 * TypeError, where TLS is used. Behind a tunnel Bun's call is that of `node:tls`; Deno's is for TLS inside TLS, over a Unix
 * socket, and with a `cert` behind a tunnel.
 */
export interface TlsOptions {
  /**
   * Name or address that the certificate must be for; a name is sent as SNI, without a dot at its end. Default: the host
   * that is connected to. On Deno it
   * cannot differ from the host where there is a `cert`, but behind a tunnel and over a Unix socket.
   */
  readonly serverName?: string | undefined;
  /** Certificates in PEM that are trusted beside (Deno) or instead of (Node, Bun) the runtime's own. */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's own certificate chain in PEM. */
  readonly cert?: string | undefined;
  /** The private key to `cert`, in PEM. */
  readonly key?: string | undefined;
  /** Further options of the runtime's own call, under its names: what is not documented there, or is newer. They are not checked. */
  readonly runtimeOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly [option: string]: unknown;
}

/** A connected stream before it is a transport: pulled, so that no byte is read that is not asked for. */
export interface TunnelStream {
  /**
   * Reads up to `into.length` bytes to the start of `into`, at least one where there is room for one. One read at a time.
   *
   * @param into Lent until the promise is done.
   * @returns Bytes read; 0 at the end of the stream.
   * @throws {TransportError} `RESET`, `FAILED`
   */
  read(into: Uint8Array): Promise<number>;
  /**
   * Writes all of `from`, which is lent until the promise is done. One write at a time.
   *
   * @throws {TransportError} `RESET`, `FAILED`
   */
  write(from: Uint8Array): Promise<void>;
}

/**
 * What is said on a connected stream before anything else, such as asking a proxy for the way. What it has not read
 * belongs to what follows; where it throws, the connection is dropped and connecting fails with its error.
 */
export type Tunnel = (stream: TunnelStream) => Promise<void>;

/** Where to connect to. */
export interface ConnectOptions extends TcpOptions {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /**
   * Path of a Unix socket to connect to, in place of `hostname` and `port`; `hostname` is still the name for TLS. At most 107
   * bytes on Linux and 103 elsewhere: beyond, a RangeError.
   */
  readonly path?: string | undefined;
  /** Done on the connected stream before `tls`, which then names the peer behind it by `tls.serverName`. */
  readonly tunnel?: Tunnel | undefined;
  /** TLS with the host that `tunnel` talks to, done before it: a proxy that is reached by https. Default: none. */
  readonly tunnelTls?: TlsOptions | undefined;
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
 * @throws What the tunnel throws; the signal's reason, where it is aborted.
 */
export type Connect = <Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
) => Promise<Result>;

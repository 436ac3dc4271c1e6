/**
 * A request, as a server's hooks get it.
 *
 * @module
 */

import type { Head } from "../../http/head.ts";
import type { RuntimeSignal, TlsFacts, TransportFacts } from "../../transport.ts";
import { socketAddress } from "../../ip-address.ts";
import { directPeer, type Peer } from "./peer.ts";
import { offeredProtocols } from "./request.ts";

/**
 * The runtime's own `URLSearchParams`. In a project without a runtime's types it has the methods that all runtimes have. The
 * package's declarations compile in both cases.
 */
export type QueryParameters = typeof globalThis extends {
  /** The runtime's class. */
  URLSearchParams: {
    /** The type of its instances. */
    prototype: infer Own;
  };
}
  ? Own
  : {
      /** Gives the first value of a name; null if there is none. */
      get(name: string): string | null;
      /** Gives all values of a name, in order. */
      getAll(name: string): string[];
      /** Tells whether a name occurs. */
      has(name: string): boolean;
    };

/**
 * Aborts a request's signal, because nobody waits for its answer any more. A second call has no effect. For framewire itself.
 */
export let abandon: (request: UpgradeRequest, reason: Error) => void;

/** Tells whether the request was abandoned for that reason. For framewire itself. */
export let isAbandonedFor: (request: UpgradeRequest, reason: unknown) => boolean;

/**
 * A well-formed request, checked before any hook gets it. It makes strings only when you read them.
 *
 * You may keep it: its facts about the client never change. Only `localAddress`, `localPort` and `tls` are lost when the
 * connection has ended, on runtimes that forget them.
 *
 * @typeParam Params The parameters of the route's pattern. Default: any.
 *
 * @see RFC 6455, 4.2.1
 */
export class UpgradeRequest<Params extends object = Readonly<Record<string, string>>> {
  readonly #head: Head;
  readonly #facts: Partial<TransportFacts>;
  #target: string | undefined;
  #protocols: readonly string[] | undefined;
  #controller: AbortController | undefined;
  #peer: Peer | undefined;
  /** The reason for which it was abandoned. */
  #reason: Error | undefined;
  /**
   * IP address of the socket's other end, which may be a proxy; undefined if the transport does not know it. See {@link peer}.
   */
  readonly remoteAddress: string | undefined;
  /** Port of the socket's other end; undefined if the transport does not know it. */
  readonly remotePort: number | undefined;
  /** Values of the parameters of the route's pattern, decoded: for "/rooms/:room" it has `room`. */
  params: Params = {} as Params;

  static {
    abandon = (request, reason) => {
      request.#reason ??= reason;
      request.#controller?.abort(request.#reason);
    };
    isAbandonedFor = (request, reason) => reason !== undefined && request.#reason === reason;
  }

  /**
   * Makes the request from a head.
   *
   * @param head A checked request. It is kept, so call its `retain` if you keep the request.
   * @param facts The transport of its connection.
   * @param peer The client behind trusted proxies. Default: the other end of the socket.
   */
  constructor(head: Head, facts: Partial<TransportFacts> = {}, peer?: Peer) {
    this.#head = head;
    this.#facts = facts;
    this.#peer = peer;
    this.remoteAddress = socketAddress(facts.remoteAddress);
    this.remotePort = facts.remotePort;
  }

  /**
   * The client: its own address, port, TLS and host, if the options `trustProxy` and `proxyProtocol` name the proxies in between;
   * otherwise the other end of the socket. Headers of untrusted peers have no effect on it.
   */
  get peer(): Peer {
    return (this.#peer ??= directPeer(this, this.host));
  }

  /** This side's own IP address; undefined if the transport does not know it. Read it while the connection is open. */
  get localAddress(): string | undefined {
    return socketAddress(this.#facts.localAddress);
  }

  /** This side's own port; undefined if the transport does not know it. */
  get localPort(): number | undefined {
    return this.#facts.localPort;
  }

  /** Whether this server's socket uses TLS. `peer.encrypted` says whether the client uses TLS. */
  get encrypted(): boolean {
    return this.#facts.encrypted === true;
  }

  /** Facts about TLS; undefined without TLS. Reading it asks the runtime, so read it while the connection is open. */
  get tls(): TlsFacts | undefined {
    return this.#facts.tls;
  }

  /**
   * Aborts when nobody waits for the hook's answer any more: the peer has left or ended its stream (`TransportError`),
   * `handshakeTimeout` is over (`TimeoutError`), or the server is shut down (`ClosedError`).
   *
   * Use it for work of the hook: `fetch(url, { signal: request.signal })`. After the hook's answer it never aborts; use the
   * connection's own signal then. It also never aborts for a request that no hook got.
   */
  get signal(): RuntimeSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Path and query, not decoded, such as "/chat?room=1". */
  get target(): string {
    return (this.#target ??= targetOf(this.#head));
  }

  /** The target without its query, not decoded, such as "/chat". */
  get path(): string {
    const target = this.target;
    const query = target.indexOf("?");
    return query < 0 ? target : target.slice(0, query);
  }

  /** The parameters in the query, decoded. */
  get query(): QueryParameters {
    return new URLSearchParams(this.target.slice(this.path.length));
  }

  /**
   * The Host header: a name or an address, with a port if it is not the scheme's default; "" if a request of HTTP/1.0 has none.
   */
  get host(): string {
    return this.get("host") ?? "";
  }

  /** The origin of the page that opens the connection. Browsers always send it; other clients may not. */
  get origin(): string | undefined {
    return this.get("origin");
  }

  /** The subprotocols that the client offers, its preferred one first. */
  get protocols(): readonly string[] {
    return (this.#protocols ??= offeredProtocols(this.#head));
  }

  /** Gives a header's value. Several values of one name are joined by ", ". */
  get(name: string): string | undefined {
    return this.#head.get(name);
  }

  /** Gives all headers as name and value, in the order of the request. */
  headers(): IterableIterator<[name: string, value: string]> {
    return this.#head.entries();
  }
}

function targetOf({ target }: Head): string {
  // A target in absolute form may have no path, such as "http://host?room=1". Then the target is empty here, or begins with "?".
  return target.startsWith("/") || target === "*" ? target : `/${target}`;
}

/**
 * A request as the hooks of a server see it.
 *
 * @module
 */

import type { Head } from "../../http/head.ts";
import type { RuntimeSignal, TlsFacts, TransportFacts } from "../../transport.ts";
import { socketAddress } from "../../ip-address.ts";
import { directPeer, type Peer } from "./peer.ts";
import { offeredProtocols } from "./request.ts";

/**
 * The runtime's own `URLSearchParams`, or what all runtimes' have in common where a project has no runtime's types.
 * The declarations of the package compile either way.
 */
export type QueryParameters = typeof globalThis extends {
  /** The runtime's class. */
  URLSearchParams: {
    /** What it makes. */
    prototype: infer Own;
  };
}
  ? Own
  : {
      /** Gives the first value of a name, null where it has none. */
      get(name: string): string | null;
      /** Gives all values of a name, in their order. */
      getAll(name: string): string[];
      /** Tells whether a name is there. */
      has(name: string): boolean;
    };

/**
 * Tells those who watch a request that nobody waits for its answer any more; a second call changes nothing. For the
 * library.
 */
export let abandon: (request: UpgradeRequest, reason: Error) => void;

/** Tells whether it was abandoned for that reason. For the library. */
export let isAbandonedFor: (request: UpgradeRequest, reason: unknown) => boolean;

/**
 * A well-formed request, checked before any hook sees it. Strings are made when they are asked for.
 *
 * A hook may keep it: it tells of its own client for ever, and of nobody else. What a runtime forgets of a connection that
 * has ended says so: `localAddress`, `localPort`, `tls`.
 *
 * @typeParam Params What the route's pattern has for parameters. Default: any.
 *
 * @see RFC 6455, 4.2.1
 */
export class UpgradeRequest<Params extends object = Readonly<Record<string, string>>> {
  readonly #head: Head;
  readonly #facts: Partial<TransportFacts>;
  #protocols: readonly string[] | undefined;
  #controller: AbortController | undefined;
  #peer: Peer | undefined;
  /** Why it was abandoned. */
  #reason: Error | undefined;
  /** IP address of who is at the socket, be it a proxy, where the transport knows it. The client's own is in {@link peer}. */
  readonly remoteAddress: string | undefined;
  /** Its port, likewise. */
  readonly remotePort: number | undefined;
  /** What the parameters of the route's pattern stand for, decoded: of "/rooms/:room" the `room`. */
  params: Params = {} as Params;

  static {
    abandon = (request, reason) => {
      request.#reason ??= reason;
      request.#controller?.abort(request.#reason);
    };
    isAbandonedFor = (request, reason) => reason !== undefined && request.#reason === reason;
  }

  /**
   * Makes the request of a head.
   *
   * @param head A request that was checked; kept, so that it has to be retained where the request is.
   * @param facts Of the connection that it came on: its transport.
   * @param peer The client behind trusted proxies. Default: who is at the socket.
   */
  constructor(head: Head, facts: Partial<TransportFacts> = {}, peer?: Peer) {
    this.#head = head;
    this.#facts = facts;
    this.#peer = peer;
    this.remoteAddress = socketAddress(facts.remoteAddress);
    this.remotePort = facts.remotePort;
  }

  /**
   * Who asks: address, port, TLS and host as the client itself has them, where the options `trustProxy` and `proxyProtocol` name
   * the proxies in between; without them who is at the socket. What others say of themselves is not in it.
   */
  get peer(): Peer {
    return (this.#peer ??= directPeer(this, this.host));
  }

  /** This side's own IP address, where the transport knows it; ask while the connection is open. */
  get localAddress(): string | undefined {
    return socketAddress(this.#facts.localAddress);
  }

  /** This side's own port, where the transport knows it. */
  get localPort(): number | undefined {
    return this.#facts.localPort;
  }

  /** Whether the request came through TLS, as far as this server; whether the client's did, `peer.encrypted` tells. */
  get encrypted(): boolean {
    return this.#facts.encrypted === true;
  }

  /** What is known of that TLS, looked up when it is asked for; undefined without. Ask while the connection is open. */
  get tls(): TlsFacts | undefined {
    return this.#facts.tls;
  }

  /**
   * Aborts when nobody waits for the hook's answer any more: the peer has gone or ended its stream (`TransportError`),
   * `handshakeTimeout` has answered in its place (`TimeoutError`), or the server is shut down (`ClosedError`).
   *
   * What the hook asks of others can be given up by it: `fetch(url, { signal: request.signal })`. Once the hook has answered
   * it never aborts; that of a connection which is open is another one. Nor does that of a request which is no hook's.
   */
  get signal(): RuntimeSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Path and query as they were sent, such as "/chat?room=1". */
  get target(): string {
    const target = this.#head.target;
    // A target in absolute form may have no path, such as "http://host?room=1". Then it is empty here, or begins with "?".
    return target.startsWith("/") || target === "*" ? target : `/${target}`;
  }

  /** The target up to its query, such as "/chat"; not decoded. */
  get path(): string {
    const target = this.target;
    const query = target.indexOf("?");
    return query < 0 ? target : target.slice(0, query);
  }

  /** The parameters behind the target's `?`, decoded. */
  get query(): QueryParameters {
    return new URLSearchParams(this.target.slice(this.path.length));
  }

  /** The Host header: a name or an address, and a port where it is not the scheme's own; "" in HTTP/1.0 without one. */
  get host(): string {
    return this.get("host") ?? "";
  }

  /** Where the page comes from that opens the connection; browsers always say it, other clients need not. */
  get origin(): string | undefined {
    return this.get("origin");
  }

  /** The subprotocols that the client offers, the one it likes best first. */
  get protocols(): readonly string[] {
    return (this.#protocols ??= offeredProtocols(this.#head));
  }

  /** Gives a header's value; the values of several with one name are joined by ", ". */
  get(name: string): string | undefined {
    return this.#head.get(name);
  }

  /** Gives all headers as name and value, in the order in which they came. */
  headers(): IterableIterator<[name: string, value: string]> {
    return this.#head.entries();
  }
}

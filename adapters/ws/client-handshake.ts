/**
 * A client's opening handshake over `node:http`: it sends the request, follows redirects, and checks the response (RFC 6455,
 * 4.1).
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import process from "node:process";
import { StateClientSide } from "../../src/frame/check.ts";
import type { Extension } from "../../src/extension/extension.ts";
import { acceptKey } from "../../src/handshake/accept.ts";
import { parseOptions } from "../../src/http/option.ts";
import { requestOptions, type Target, targetOf } from "./client-request.ts";
import type { ClientOptions } from "./options.ts";
import type { UpgradedSocket } from "./transport.ts";

/** The results of a handshake. */
export interface Agreed {
  /** The subprotocol; "" for none. */
  readonly protocol: string;
  /** The value of Sec-WebSocket-Extensions; "" for none. */
  readonly extensions: string;
  /** Path and query of the request. */
  readonly target: string;
}

/** The WebSocket whose handshake this is. */
export interface HandshakeOwner {
  /** Emits the events. */
  readonly websocket: EventEmitter;
  /** Whether the WebSocket has not been closed. */
  isConnecting(): boolean;
  /** Called with the URL of each request. */
  setUrl(href: string): void;
  /** The handshake is given up: the WebSocket begins to close. */
  failing(): void;
  /** The handshake has failed. */
  failed(error: Error): void;
  /** The handshake is done. */
  opened(socket: UpgradedSocket, head: Uint8Array, agreed: Agreed): void;
}

/** Settings of a client's handshake, with all defaults filled in. */
export interface ClientWish {
  readonly protocols: readonly string[];
  readonly options: ClientOptions;
  readonly extension: Extension | undefined;
}

/** Opens one connection. */
export class ClientHandshake {
  readonly #owner: HandshakeOwner;
  readonly #wish: ClientWish;
  /** The target of the first request: only this server gets the application's secrets. */
  readonly #first: Target;
  #target: Target;
  #headers: Record<string, unknown>;
  #auth: string | undefined;
  #request: ClientRequest | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #redirects = 0;

  /** @throws {RangeError} `protocolVersion` is neither 8 nor 13. */
  constructor(owner: HandshakeOwner, target: Target, wish: ClientWish) {
    const { protocolVersion = 13, headers = {}, auth } = wish.options;
    if (protocolVersion !== 8 && protocolVersion !== 13) {
      throw new RangeError(
        `Unsupported protocol version: ${String(protocolVersion)} (supported versions: 8, 13)`,
      );
    }
    this.#owner = owner;
    this.#wish = wish;
    this.#first = target;
    this.#target = target;
    this.#headers = { ...headers };
    this.#auth = target.auth ?? auth ?? undefined;
  }

  /** The request that is under way. */
  get request(): ClientRequest | undefined {
    return this.#request;
  }

  /** Sends the request. @throws The error of `http.request` for its options. */
  start(): void {
    const { options, protocols, extension } = this.#wish;
    const target = this.#target;
    this.#owner.setUrl(target.href);
    const wish = { target, protocols, extension, headers: this.#headers, auth: this.#auth };
    const { key, request: how } = requestOptions(wish, options);
    const request = (target.isSecure ? requestHttps : requestHttp)(how);
    this.#request = request;
    if (this.#redirects > 0) this.#owner.websocket.emit("redirect", target.href, request);
    this.#startTimer(request);
    request.on("error", (error) => {
      // The error of a request that was given up, or that has its response, is ignored.
      if (this.#request === request) this.#fail(error);
    });
    request.on("response", (response) => {
      if (this.#request === request) this.#answered(request, response);
    });
    request.on("upgrade", (response: IncomingMessage, socket: unknown, head: Uint8Array) => {
      this.#upgraded(request, key, response, socket as UpgradedSocket, head);
    });
    if (options.finishRequest) options.finishRequest(request, this.#owner.websocket);
    else request.end();
  }

  /** Gives up the handshake. */
  abort(message: string): void {
    const request = this.#request;
    this.#owner.failing();
    this.#stop();
    request?.destroy();
    const error = new Error(message);
    process.nextTick(() => {
      this.#owner.failed(error);
    });
  }

  #startTimer(request: ClientRequest): void {
    const { handshakeTimeout } = this.#wish.options;
    if (!handshakeTimeout) return;
    this.#timer = setTimeout(() => {
      if (this.#request === request) this.abort("Opening handshake has timed out");
    }, handshakeTimeout);
  }

  /** Ignores all later events of the request. */
  #stop(): void {
    clearTimeout(this.#timer);
    this.#request = undefined;
  }

  #fail(error: Error): void {
    this.#owner.failing();
    this.#stop();
    this.#owner.failed(error);
  }

  #answered(request: ClientRequest, response: IncomingMessage): void {
    const { followRedirects = false } = this.#wish.options;
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (followRedirects && location && status >= 300 && status < 400) {
      this.#redirect(request, location);
      return;
    }
    clearTimeout(this.#timer);
    if (!this.#owner.websocket.emit("unexpected-response", request, response)) {
      this.abort(`Unexpected server response: ${status}`);
    }
  }

  #redirect(request: ClientRequest, location: string): void {
    const { maxRedirects = 10 } = this.#wish.options;
    if (++this.#redirects > maxRedirects) {
      this.abort("Maximum redirects exceeded");
      return;
    }
    this.#stop();
    request.destroy();
    try {
      this.#target = targetOf(location, this.#target.href);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    // A program that listens for `redirect` decides about the headers itself.
    if (this.#owner.websocket.listenerCount("redirect") === 0) this.#dropSecrets();
    this.start();
  }

  /** Removes secrets if a redirect leads to another host, or from wss to ws. */
  #dropSecrets(): void {
    const isSame = this.#target.place === this.#first.place;
    if (isSame && (this.#target.isSecure || !this.#first.isSecure)) return;
    this.#auth = this.#target.auth;
    const kept: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(this.#headers)) {
      const lower = name.toLowerCase();
      const isSecret = lower === "authorization" || lower === "cookie";
      const isDropped =
        this.#wish.options.safe === true || isSecret || (lower === "host" && !isSame);
      if (!isDropped) kept[name] = value;
    }
    this.#headers = kept;
  }

  #upgraded(
    request: ClientRequest,
    key: string,
    response: IncomingMessage,
    socket: UpgradedSocket,
    head: Uint8Array,
  ): void {
    if (this.#request === request) this.#owner.websocket.emit("upgrade", response);
    // A listener may have closed the WebSocket.
    if (this.#request !== request || !this.#owner.isConnecting()) {
      socket.destroy();
      return;
    }
    this.#stop();
    const agreed = this.#check(key, response);
    if (typeof agreed !== "string") {
      this.#owner.opened(socket, head, agreed);
      return;
    }
    socket.on("error", () => {});
    socket.destroy();
    this.#owner.failing();
    const error = new Error(agreed);
    process.nextTick(() => {
      this.#owner.failed(error);
    });
  }

  /** Gives what was agreed upon, or a message that says what is wrong. */
  #check(key: string, { headers }: IncomingMessage): Agreed | string {
    if (headers.upgrade?.toLowerCase() !== "websocket") return "Invalid Upgrade header";
    if (headers["sec-websocket-accept"] !== acceptKey(key)) {
      return "Invalid Sec-WebSocket-Accept header";
    }
    const { protocols } = this.#wish;
    const protocol = headers["sec-websocket-protocol"];
    if (protocol === undefined) {
      if (protocols.length > 0) return "Server sent no subprotocol";
    } else if (protocols.length === 0) {
      return "Server sent a subprotocol but none was requested";
    } else if (!protocols.includes(protocol)) {
      return "Server sent an invalid subprotocol";
    }
    const extensions = headers["sec-websocket-extensions"];
    const wrong = extensions === undefined ? undefined : this.#wrongExtensions(extensions);
    if (wrong !== undefined) return wrong;
    const target = this.#target.request.path;
    return { protocol: protocol ?? "", extensions: extensions ?? "", target };
  }

  #wrongExtensions(answer: string): string | undefined {
    const { extension } = this.#wish;
    if (extension === undefined) {
      return "Server sent a Sec-WebSocket-Extensions header but no extension was requested";
    }
    const options = parseOptions(answer);
    if (options === undefined) return "Invalid Sec-WebSocket-Extensions header";
    const [option, ...others] = options;
    if (option?.name !== extension.name || others.length > 0) {
      return "Server indicated an extension that was not requested";
    }
    const session = extension.open(option, StateClientSide);
    session?.close?.();
    return session === undefined ? "Invalid Sec-WebSocket-Extensions header" : undefined;
  }
}

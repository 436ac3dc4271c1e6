/**
 * A request that asks for a connection, as hooks see it.
 *
 * @module
 */

import type { UpgradeRequest } from "../../src/handshake/server/upgrade-request.ts";
import { parsedUrl } from "../../src/http/url.ts";
import type { HookRequest } from "./types.ts";

/** The URL that a client has asked for; one whose Host no URL can have gets a host of no meaning. */
function urlOf({ peer, target }: UpgradeRequest): string {
  const scheme = peer.encrypted ? "https" : "http";
  const url = `${scheme}://${peer.host || "localhost"}${target}`;
  return parsedUrl(url) === undefined ? `${scheme}://localhost${target}` : url;
}

/** Makes a `Request` of what has come, as servers of frameworks do, with a `context` that goes to the peer. */
export function newHookRequest(asked: UpgradeRequest, runtime?: object): HookRequest {
  const request = new Request(urlOf(asked));
  for (const [name, value] of asked.headers()) request.headers.append(name, value);
  // Frameworks set them anew.
  return Object.assign(request, { context: {}, ip: asked.peer.address, runtime });
}

/** Knows a request in both shapes. A `Request` is made when the first hook wants it: most connections have no hook that does. */
export class Opening {
  /** As framewire's own hooks have it. */
  readonly asked: UpgradeRequest;
  readonly #runtime: object | undefined;
  #request: HookRequest | undefined;

  /**
   * @param request As the framework has it, where there is one.
   * @param runtime What frameworks find as `request.runtime`, where there is none.
   */
  constructor(asked: UpgradeRequest, request?: HookRequest, runtime?: object) {
    this.asked = asked;
    this.#request = request;
    this.#runtime = runtime;
  }

  /** The request for hooks. */
  get request(): HookRequest {
    return (this.#request ??= newHookRequest(this.asked, this.#runtime));
  }

  /** The path, which is the default of the namespace. */
  get path(): string {
    return this.#request === undefined ? this.asked.path : new URL(this.#request.url).pathname;
  }
}

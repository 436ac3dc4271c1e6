/**
 * A request for a connection, in the form that hooks get.
 *
 * @module
 */

import type { UpgradeRequest } from "../../src/handshake/server/upgrade-request.ts";
import { parsedUrl } from "../../src/http/url.ts";
import type { HookRequest } from "./types.ts";

/** Gives the requested URL. If the Host header is not valid in a URL, the URL gets a meaningless host. */
function urlOf({ peer, target }: UpgradeRequest): string {
  const scheme = peer.encrypted ? "https" : "http";
  const url = `${scheme}://${peer.host || "localhost"}${target}`;
  return parsedUrl(url) === undefined ? `${scheme}://localhost${target}` : url;
}

/** Makes a `Request` of a request for an upgrade, as frameworks' servers do. Its `context` becomes the peer's. */
export function newHookRequest(asked: UpgradeRequest, runtime?: object): HookRequest {
  const request = new Request(urlOf(asked));
  for (const [name, value] of asked.headers()) request.headers.append(name, value);
  // Frameworks set these members again.
  return Object.assign(request, { context: {}, ip: asked.peer.address, runtime });
}

/** A request in both forms. The `Request` is made when a hook first needs it: for most connections no hook does. */
export class Opening {
  /** The form of framewire's own hooks. */
  readonly asked: UpgradeRequest;
  readonly #runtime: object | undefined;
  #request: HookRequest | undefined;

  /**
   * @param request The framework's request, if there is one.
   * @param runtime The value of `request.runtime`, if the framework has no request.
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

  /** The path, which is the default namespace. */
  get path(): string {
    return this.#request === undefined ? this.asked.path : new URL(this.#request.url).pathname;
  }
}

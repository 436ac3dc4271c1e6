/**
 * A `Request` of the runtime itself that gets its headers when they are read.
 *
 * Theory of operation. On Bun appending the headers costs more than the rest of a `Request`, and many applications read none. Where
 * `new Request(request)` and `fetch(request)` read the members of a `Request`, as on Bun, and not what the runtime keeps in it, a
 * member of a derived class can append the headers at its first use. `canStandIn` tells.
 *
 * @module
 */

import type { HttpRequest } from "./request.ts";
import { classOfReal, type RealClass } from "./real-request.ts";
import { appendHeaders, partsOf, type RequestParts } from "./request-parts.ts";

/** Under this symbol consoles find what they print of an object. */
const printed = Symbol.for("nodejs.util.inspect.custom");

let lazyClass: RealClass | undefined;

function classOfLazy(): RealClass {
  return (lazyClass ??= class extends classOfReal() {
    /** The request whose headers are still to be appended. */
    #unread: HttpRequest | undefined;

    constructor(from: string | Request, asked: HttpRequest, parts?: RequestParts) {
      super(from, asked, parts);
      this.#unread = asked;
    }

    override get headers(): Headers {
      const own = super.headers;
      const asked = this.#unread;
      if (asked !== undefined) {
        this.#unread = undefined;
        appendHeaders(own, asked);
      }
      return own;
    }

    // Copies what the runtime keeps.
    override clone(): Request {
      void this.headers;
      return super.clone();
    }

    // Needs the Content-Type that the runtime keeps.
    override formData(): ReturnType<Request["formData"]> {
      void this.headers;
      return super.formData();
    }

    [printed](): object {
      const { method, url, headers } = this;
      return { method, url, headers: Object.fromEntries(headers) };
    }
  });
}

/** Makes a `Request`. @param url A valid URL. */
export function newLazyRequest(url: string, asked: HttpRequest): Request {
  return new (classOfLazy())(url, asked, partsOf(asked));
}

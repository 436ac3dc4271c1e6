/**
 * What stands in for a `Request` until somebody wants a real one.
 *
 * Theory of operation. A runtime's own `Request` costs as much as all the rest of an answer on Node and Deno, and most applications
 * read its method, its URL and its headers and no more. A stand-in has the prototype of the runtime's class, and answers those three
 * itself. Any other member is that of a real `Request`, made when the first of them is wanted: those that the runtime keeps under
 * symbols of its own as well, so that `new Request(request)` and `fetch(request)` find what they look for.
 *
 * Where a runtime keeps what a `Request` is in private fields, nothing can stand in for one: {@link canStandIn} tells.
 *
 * @module
 */

import type { HttpRequest } from "./request.ts";
import { appendHeaders, half, methodOf, partsOf } from "./request-parts.ts";

/** Makes a request of a URL, which can be parsed, and of what was asked. */
export type NewRequest = (url: string, asked: HttpRequest) => Request;

type StandInClass = new (url: string, asked: HttpRequest) => Request;

let standInClass: StandInClass | undefined;

/** Makes a stand-in. @param url It can be parsed. */
export function newStandInRequest(url: string, asked: HttpRequest): Request {
  return new (standInClass ??= makeStandInClass())(url, asked);
}

/** Tells whether the runtime takes for a `Request` what `make` makes: whether its own constructor reads it as one. */
export function canStandIn(make: NewRequest): boolean {
  const asked = { method: "POST", headers: () => [["x", "y"]], signal: undefined, hasBody: true };
  try {
    const request = make("http://localhost/a", asked as unknown as HttpRequest);
    // With something that is changed: Bun takes any object for the options of a request, and then loses its method.
    const { method, url, headers, body } = new Request(request, half);
    return method === "POST" && url === request.url && headers.get("x") === "y" && body !== null;
  } catch {
    return false;
  }
}

function makeStandInClass(): StandInClass {
  class StandIn {
    readonly #asked: HttpRequest;
    readonly #text: string;
    #url: string | undefined = undefined;
    #headers: Headers | undefined = undefined;
    #real: Request | undefined = undefined;

    static realOf(standIn: StandIn): Request {
      return standIn.#toReal();
    }

    constructor(text: string, asked: HttpRequest) {
      this.#text = text;
      this.#asked = asked;
    }

    get method(): string {
      return methodOf(this.#asked);
    }

    get url(): string {
      return (this.#url ??= new URL(this.#text).href);
    }

    get headers(): Headers {
      if (this.#headers === undefined) {
        this.#headers = new Headers();
        appendHeaders(this.#headers, this.#asked);
      }
      return this.#headers;
    }

    get signal(): AbortSignal {
      return this.#asked.signal as AbortSignal;
    }

    #toReal(): Request {
      const real = (this.#real ??= this.#newReal());
      const { headers } = real;
      if (this.#headers === headers) return real;
      // Each time: the application may have changed those that it was given.
      for (const name of [...headers.keys()]) headers.delete(name);
      for (const [name, value] of this.headers) headers.append(name, value);
      return real;
    }

    #newReal(): Request {
      const signal = this.#asked.signal as AbortSignal;
      const real = new Request(this.#text, { ...partsOf(this.#asked), signal });
      if (this.#headers === undefined) {
        this.#headers = real.headers;
        appendHeaders(this.#headers, this.#asked);
      }
      return real;
    }
  }
  const { realOf } = StandIn;
  const own = StandIn.prototype;
  forward(own, Request.prototype, realOf);
  forward(own, new Request("http://localhost/"), realOf);
  Object.setPrototypeOf(own, Request.prototype);
  // So that it has the runtime's.
  Reflect.deleteProperty(own, "constructor");
  return StandIn as unknown as StandInClass;
}

/** Gives `own` those members of `model` that it has not: each asks the real one. */
function forward<StandIn extends object>(
  own: StandIn,
  model: object,
  realOf: (standIn: StandIn) => Request,
): void {
  for (const key of Reflect.ownKeys(model)) {
    if (Object.hasOwn(own, key) || key === Symbol.toStringTag) continue;
    const { writable, set } = Object.getOwnPropertyDescriptor(model, key)!;
    const descriptor: PropertyDescriptor & ThisType<StandIn> = {
      configurable: true,
      get() {
        const real = realOf(this);
        const member: unknown = Reflect.get(real, key);
        return typeof member === "function" ? (member.bind(real) as unknown) : member;
      },
    };
    if (writable === true || set !== undefined) {
      descriptor.set = function (this: StandIn, value: unknown) {
        Reflect.set(realOf(this), key, value);
      };
    }
    Object.defineProperty(own, key, descriptor);
  }
}

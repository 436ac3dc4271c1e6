/**
 * Stands in for a `Request` until a real one is needed.
 *
 * Theory of operation. On Node and Deno a runtime's own `Request` costs as much as the rest of an answer, but most applications
 * read only its method, its URL and its headers. A stand-in has the prototype of the runtime's class, and has these three members
 * itself. At the first access to any other member it makes a real `Request`, and uses the member of that. This includes the
 * members under the runtime's own symbols, so `new Request(request)` and `fetch(request)` work.
 *
 * If a runtime keeps the data of a `Request` in private fields, a stand-in is not possible. {@link canStandIn} tells.
 *
 * @module
 */

import type { HttpRequest } from "./request.ts";
import { appendHeaders, half, methodOf, partsOf } from "./request-parts.ts";

/** Makes a request from a valid URL and an HttpRequest. */
export type NewRequest = (url: string, asked: HttpRequest) => Request;

type StandInClass = new (url: string, asked: HttpRequest) => Request;

let standInClass: StandInClass | undefined;

/** Makes a stand-in. @param url A valid URL. */
export function newStandInRequest(url: string, asked: HttpRequest): Request {
  return new (standInClass ??= makeStandInClass())(url, asked);
}

/** Tells whether the runtime's own constructor accepts the result of `make` as a `Request`. */
export function canStandIn(make: NewRequest): boolean {
  const asked = { method: "POST", headers: () => [["x", "y"]], signal: undefined, hasBody: true };
  try {
    const request = make("http://localhost/a", asked as unknown as HttpRequest);
    // With an option that changes something: Bun takes any object for the options of a request, but then loses the method.
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
      // At each access, because the application may have changed the headers that it got.
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
  // So that the constructor is the runtime's class.
  Reflect.deleteProperty(own, "constructor");
  return StandIn as unknown as StandInClass;
}

/** Gives `own` the members of `model` that it lacks. Each of them uses the real request. */
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

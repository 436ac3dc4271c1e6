/**
 * Reads the body of a `Response` from where the runtime keeps it.
 *
 * Theory of operation. The documented interface does not tell a body of text or bytes from one that is still coming: both must be
 * read as streams, and a stream costs more than the rest of an answer. Node 20 and Deno keep the text itself under symbols that
 * are not documented. This module looks for the symbols in a response that it makes for that purpose. If something is not as
 * expected, bodies are read as streams.
 *
 * @module
 */

/** Gives the body that a response was made of; undefined if it is not found, or if reading has begun. */
export type ResponseBody = (response: object) => string | Uint8Array | undefined;

/** What the runtimes keep in a response, under symbols with these descriptions. */
interface Kept {
  readonly [key: symbol]: unknown;
  readonly bodyUsed: boolean;
  readonly body: { getReader(): unknown } | null;
}

/** The `Response` class, whatever types a project has for it. */
type ResponseClass = new (body?: unknown) => Kept;

/** Where Deno 2.9 keeps a text until another property of the response is read. */
const lazyBody = "lazy static body";
/** Where Deno keeps other bodies, and older versions keep all. */
const innerResponse = "response";
/** Where Node 20 keeps the body. */
const state = "state";

/** Deno's representation of a body: a stream, or the source to make it of. */
interface InnerResponse {
  readonly body?: {
    readonly streamOrStatic?: { readonly body?: unknown; readonly consumed?: unknown };
  } | null;
}

/** Node 20's representation of a body: a stream, and the source that it is made of. */
interface State {
  readonly body?: {
    readonly source?: unknown;
    readonly stream?: { readonly locked?: boolean };
  } | null;
}

/** Finds how to read bodies on this runtime. @param Class Default: the runtime's own `Response`. */
export function responseBody(
  Class: ResponseClass | undefined = globalThis.Response as unknown as ResponseClass | undefined,
): ResponseBody {
  if (Class === undefined) return unknownBody;
  const probe = new Class("text");
  const symbols = Object.getOwnPropertySymbols(probe);
  const symbolOf = (name: string) => symbols.find(({ description }) => description === name);
  const lazy = symbolOf(lazyBody);
  const inner = symbolOf(innerResponse);
  const own = symbolOf(state);
  const read: ResponseBody | undefined =
    inner !== undefined
      ? (response) => ofDeno(response as Kept, lazy, inner)
      : own && ((response) => ofNode(response as Kept, own));
  return read !== undefined && finds(read, Class) ? once(read) : unknownBody;
}

/** Tells whether `read` gives what responses were made of, and undefined for a response that has been read. */
function finds(read: ResponseBody, Class: ResponseClass): boolean {
  try {
    const locked = new Class("text");
    locked.body?.getReader();
    const bytes = read(new Class(new Uint8Array([1, 2])));
    return (
      read(new Class("text")) === "text" &&
      String(bytes) === "1,2" &&
      read(locked) === undefined &&
      read(new Class(new ReadableStream({}))) === undefined
    );
  } catch {
    return false;
  }
}

/**
 * Gives a body only once, as a stream can be read only once: so an application that answers twice with one response fails
 * everywhere.
 */
function once(read: ResponseBody): ResponseBody {
  return (response) => {
    const body = read(response);
    if (body === undefined) return undefined;
    if (Told.has(response)) throw new TypeError("The body of this Response has been sent already");
    new Told(response);
    return body;
  };
}

/** Gives the object back as a constructor does. The fields of a derived class are then added to that object. */
const Given = function (given: object) {
  return given;
} as unknown as new (given: object) => object;

/** Marks a response by a private field. A WeakSet costs more: the garbage collector must look through it. */
class Told extends Given {
  readonly #told = true;

  static has(response: object): boolean {
    return #told in response;
  }
}

function unknownBody(): undefined {}

function ofDeno(
  response: Kept,
  lazy: symbol | undefined,
  inner: symbol,
): string | Uint8Array | undefined {
  if (!(inner in response) || response.bodyUsed) return undefined;
  const text = lazy && response[lazy];
  if (typeof text === "string") return text;
  const { body } = response[inner] as InnerResponse;
  return content(body?.streamOrStatic?.body);
}

function ofNode(response: Kept, own: symbol): string | Uint8Array | undefined {
  const { body } = (response[own] ?? {}) as State;
  if (!body || body.stream?.locked !== false || response.bodyUsed) return undefined;
  return content(body.source);
}

/** Gives text or bytes; undefined for a Blob or a form, which must be read as streams. */
function content(given: unknown): string | Uint8Array | undefined {
  return typeof given === "string" || given instanceof Uint8Array ? given : undefined;
}

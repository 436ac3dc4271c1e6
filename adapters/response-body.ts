/**
 * What a `Response` was made of, read from where a runtime keeps it.
 *
 * Theory of operation. A body of text or bytes can be read as a stream alone, by what is documented, as long as nobody may know
 * whether it has come whole; and that stream costs more than all the rest of an answer. Node 20 and Deno keep the text itself, under
 * symbols that are not documented: they are looked for, in a response that is made for it, and where one is not as expected bodies are
 * read as the streams that they are.
 *
 * @module
 */

/** Gives what a response was made of; undefined where it is not there, or was begun to be read. */
export type ResponseBody = (response: object) => string | Uint8Array | undefined;

/** What the runtimes keep of a response, under symbols of these descriptions. */
interface Kept {
  readonly [key: symbol]: unknown;
  readonly bodyUsed: boolean;
  readonly body: { getReader(): unknown } | null;
}

/** A `Response` of whatever types a project has. */
type ResponseClass = new (body?: unknown) => Kept;

/** What Deno 2.9 has for a text until something else is asked of the response. */
const lazyBody = "lazy static body";
/** What Deno has for other bodies, and earlier ones for all. */
const innerResponse = "response";
/** What Node 20 has. */
const state = "state";

/** What Deno has of a body: a stream, or what it can be made of. */
interface InnerResponse {
  readonly body?: {
    readonly streamOrStatic?: { readonly body?: unknown; readonly consumed?: unknown };
  } | null;
}

/** What Node 20 has of a body: a stream, and what that is made of. */
interface State {
  readonly body?: {
    readonly source?: unknown;
    readonly stream?: { readonly locked?: boolean };
  } | null;
}

/** Looks for what the runtime keeps. @param Class Default: the runtime's own `Response`. */
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

/** Tells whether what is read is what responses were made of, and is not found where it has been read. */
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

/** A body is told once, as a stream can be read once: whoever answers twice with one response learns of it on each runtime. */
function once(read: ResponseBody): ResponseBody {
  const told = new WeakSet();
  return (response) => {
    const body = read(response);
    if (body === undefined) return undefined;
    if (told.has(response)) throw new TypeError("The body of this Response has been sent already");
    told.add(response);
    return body;
  };
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

/** A Blob, or a form, is read as a stream. */
function content(given: unknown): string | Uint8Array | undefined {
  return typeof given === "string" || given instanceof Uint8Array ? given : undefined;
}

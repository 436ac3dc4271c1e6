/**
 * The Content-Type of a `Response` that is made of text.
 *
 * The standard puts it into the headers: `new Response("text")` has `text/plain;charset=UTF-8`, and Node and Deno do so. Bun's
 * own server adds it when it sends; the headers do not have it, and nothing in a response of Bun tells text from bytes. Without
 * the header a browser guesses from the body, and may take an application's text for HTML. So on Bun, a whole body that is UTF-8
 * and has no Content-Type is sent as text.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";

/** Gives the Content-Type of a body; undefined if it has none. */
export type ResponseType = (body: Uint8Array) => string | undefined;

/** The `Response` class, whatever types a project has for it. */
type ResponseClass = new (body: string) => { readonly headers: { has(name: string): boolean } };

/**
 * Gives the function that finds the type of a body, if the runtime's responses do not have it; undefined if they do.
 *
 * @param Class Default: the runtime's own `Response`.
 */
export function responseType(
  Class: ResponseClass | undefined = globalThis.Response as unknown as ResponseClass | undefined,
): ResponseType | undefined {
  if (Class === undefined || new Class("text").headers.has("content-type")) return undefined;
  return textType;
}

function textType(body: Uint8Array): string | undefined {
  return isUtf8(body) ? "text/plain;charset=UTF-8" : undefined;
}

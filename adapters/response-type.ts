/**
 * The Content-Type of a `Response` that is made of text.
 *
 * The standard writes it into the headers: `new Response("text")` has `text/plain;charset=UTF-8`, and Node and Deno do so. Bun's own
 * server adds it to what it sends, and the headers do not have it; nor is there anything in a response of Bun that tells text from
 * bytes. Without the header a browser looks at the body, and may take for HTML what an application says as text. So what has no
 * Content-Type there, has come whole and is UTF-8 is sent as text.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";

/** Gives the Content-Type of a body; undefined where it has none. */
export type ResponseType = (body: Uint8Array) => string | undefined;

/** A `Response` of whatever types a project has. */
type ResponseClass = new (body: string) => { readonly headers: { has(name: string): boolean } };

/**
 * Gives what tells the type of a body where the runtime's responses do not have it; undefined where they do.
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

/**
 * The parts from which a `Request` of the Web is made.
 *
 * @module
 */

import type { HttpRequest } from "./request.ts";

/** Methods that a `Request` also accepts in lower case, and changes to upper case (Fetch, 2.2.1). */
const known = /^(?:DELETE|GET|HEAD|OPTIONS|POST|PUT)$/i;

/** Gives the method in the form of a `Request`. */
export function methodOf(asked: HttpRequest): string {
  const { method } = asked;
  return known.test(method) ? method.toUpperCase() : method;
}

/** The answer may begin before the body has ended. Some runtimes' types do not have this option. */
export const half: object = { duplex: "half" };

/**
 * The options of a `Request`, except its headers; undefined for a plain GET, because Bun takes twice as long to make a `Request` with
 * any. On each runtime, appending headers later is cheaper than passing them.
 */
export function partsOf(asked: HttpRequest): RequestParts | undefined {
  const method = methodOf(asked);
  if (method === "GET") return undefined;
  // "If ... method is `GET` or `HEAD`, then throw a TypeError" (Fetch, 5.4), if there is a body
  if (method === "HEAD" || !asked.hasBody) return { method };
  return { method, body: bodyOf(asked), ...half };
}

/** What the constructor of a `Request` takes. */
export type RequestParts = NonNullable<ConstructorParameters<typeof Request>[1]>;

/** Appends the headers of a request. */
export function appendHeaders(headers: Headers, asked: HttpRequest): void {
  for (const [name, value] of asked.headers()) headers.append(name, value);
}

/** Gives the body as a stream. It begins to read only when the application reads, because the client may wait for that. */
function bodyOf(asked: HttpRequest): ReadableStream<Uint8Array> {
  let pieces: AsyncIterator<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pieces ??= asked[Symbol.asyncIterator]();
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces?.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

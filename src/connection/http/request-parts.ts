/**
 * What a `Request` of the Web is made of.
 *
 * @module
 */

import type { HttpRequest } from "./request.ts";

/** Methods that a `Request` takes in small letters, too, and says in capital ones (Fetch, 2.2.1). */
const known = /^(?:DELETE|GET|HEAD|OPTIONS|POST|PUT)$/i;

/** Gives the method as a `Request` says it. */
export function methodOf(asked: HttpRequest): string {
  const { method } = asked;
  return known.test(method) ? method.toUpperCase() : method;
}

/** The answer may begin before the body has ended. Not all runtimes' types know the word. */
export const half: object = { duplex: "half" };

/** What a `Request` is made of, but for its headers: to append these costs less, on each runtime, than to give them. */
export function partsOf(asked: HttpRequest): RequestParts {
  const method = methodOf(asked);
  // "If ... method is `GET` or `HEAD`, then throw a TypeError" (Fetch, 5.4), where there is a body
  if (method === "GET" || method === "HEAD" || !asked.hasBody) return { method };
  return { method, body: bodyOf(asked), ...half };
}

/** What the constructor of a `Request` takes. */
export type RequestParts = NonNullable<ConstructorParameters<typeof Request>[1]>;

/** Gives headers those of a request. */
export function appendHeaders(headers: Headers, asked: HttpRequest): void {
  for (const [name, value] of asked.headers()) headers.append(name, value);
}

/** Gives the body as a stream that begins to read when somebody reads it, and not before: the client may wait for that. */
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

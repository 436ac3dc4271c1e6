/**
 * Checks of arguments that the standard requires, with the standard's errors (WHATWG WebSockets, 3.1).
 *
 * @module
 */

import { encodeUtf8 } from "../../src/bytes.ts";
import { isToken } from "../../src/http/token.ts";

/** Bytes of a reason, at most: the room of a close frame beside the code (RFC 6455, 5.5.1). */
const maxReasonSize = 123;

function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}

/**
 * Makes the URL of a connection. http and https become ws and wss. If the runtime has a `location`, as Deno has with its flag, a
 * relative URL is resolved against it.
 *
 * @throws {DOMException} `SyntaxError`
 */
export function parseSocketUrl(text: string): URL {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  let url: URL;
  try {
    url = new URL(text, location?.href);
  } catch {
    throw syntaxError(`URL is none: ${JSON.stringify(text)}`);
  }
  if (/^https?:$/.test(url.protocol)) url = new URL(url.href.replace("http", "ws"));
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw syntaxError(
      `Scheme of a WebSocket's URL must be ws, wss, http or https: ${url.protocol}`,
    );
  }
  // This also finds an empty fragment, which `hash` does not show.
  if (url.href.includes("#")) throw syntaxError("A WebSocket's URL has no fragment");
  return url;
}

/** Checks the subprotocols to offer. @throws {DOMException} `SyntaxError` */
export function checkProtocols(protocols: readonly string[]): void {
  for (const protocol of protocols) {
    if (!isToken(protocol)) {
      throw syntaxError(`Subprotocol is not a token: ${JSON.stringify(protocol)}`);
    }
  }
  if (new Set(protocols).size < protocols.length) {
    throw syntaxError(`Subprotocols must differ: ${protocols.join(", ")}`);
  }
}

/**
 * Checks the arguments of `close`.
 *
 * @throws {DOMException} `InvalidAccessError` for the code, `SyntaxError` for the reason
 */
export function checkCloseArguments(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(
      `Close code must be 1000, or 3000 to 4999: ${code}`,
      "InvalidAccessError",
    );
  }
  if (reason === undefined) return;
  const size = encodeUtf8(reason).length;
  if (size > maxReasonSize) {
    throw syntaxError(`Reason must have at most ${maxReasonSize} bytes of UTF-8: ${size}`);
  }
}

/** Checks the number of arguments. @throws {TypeError} There are too few. */
export function checkArgumentCount(name: string, count: number, least: number): void {
  if (count < least) {
    throw new TypeError(`${name} needs ${least} argument${least === 1 ? "" : "s"}: ${count}`);
  }
}

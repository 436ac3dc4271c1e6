/**
 * A tunnel through an HTTP proxy: CONNECT (RFC 9110, 9.3.6).
 *
 * @module
 */

import { writeLatin1 } from "../../bytes.ts";
import { type HeadLimits, HeadParser, defaultHeadLimits } from "../../http/parser.ts";
import type { Head } from "../../http/head.ts";
import { headerLines } from "../../http/write.ts";
import type { Tunnel, TunnelStream } from "../../transport.ts";
import { basicCredentials, type Credentials } from "../basic.ts";
import { ProxyError, proxyTunnel } from "./proxy-error.ts";

/** The host to which a proxy must connect. */
export interface ProxyTarget {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
}

/** Most informational responses (1xx) that are skipped before the real response. */
const maxInformational = 8;

/**
 * Makes a tunnel that asks an HTTP proxy for a connection to `target`.
 *
 * If the proxy sends bytes together with the head of its response, the tunnel fails. In TLS and in WebSocket the client speaks
 * first, so these bytes cannot come from the target.
 *
 * @param credentials Sent without being asked for, as Basic (RFC 7617).
 * @param limits Limits of the response's head. Default: 16 KiB and 128 headers.
 * @returns The tunnel. It fails with `TransportError` `PROXY_FAILED`. The cause is a {@link ProxyError} with the status of the
 * response, such as 407, or the error of the stream or of a malformed response.
 * @throws {TypeError} The target or the credentials may not be sent.
 */
export function connectTunnel(
  { hostname, port }: ProxyTarget,
  credentials?: Credentials,
  limits: HeadLimits = defaultHeadLimits,
): Tunnel {
  const authority = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  // Other characters could end the target early, and so change the request.
  if (!/^[^\s/?#@]+:\d+$/.test(authority))
    throw new TypeError("Host for a proxy has a character that may not stand there");
  const authorization =
    credentials === undefined
      ? []
      : [["Proxy-Authorization", basicCredentials(credentials)] as const];
  const request = `CONNECT ${authority} HTTP/1.1\r\n${headerLines([["Host", authority], ...authorization])}\r\n`;
  return proxyTunnel(async (stream) => {
    const bytes = new Uint8Array(request.length);
    writeLatin1(bytes, 0, request);
    await stream.write(bytes);
    const head = await readAnswer(stream, limits);
    if (!isSuccess(head)) {
      throw new ProxyError(`Proxy refused the way: ${head.status} ${head.reason}`.trimEnd(), {
        status: head.status,
        headers: [...head.entries()],
      });
    }
  });
}

/** Reads the head of the response, and skips informational responses before it (RFC 9110, 15.2). */
async function readAnswer(stream: TunnelStream, limits: HeadLimits): Promise<Head> {
  const chunk = new Uint8Array(1024);
  let at = 0;
  let end = 0;
  for (let count = 0; count <= maxInformational; count++) {
    const parser = new HeadParser("response", limits);
    while (!parser.isComplete) {
      if (at === end) {
        at = 0;
        end = await readSome(stream, chunk);
      }
      at = parser.feed(chunk, at, end);
    }
    const { head } = parser;
    if (isSuccess(head) && at < end) throw new ProxyError("Proxy sent more than its answer");
    if (head.status >= 200 || head.status === 101) return head;
  }
  throw new ProxyError(`Proxy sent more than ${maxInformational} informational responses`);
}

async function readSome(stream: TunnelStream, into: Uint8Array): Promise<number> {
  const count = await stream.read(into);
  if (count === 0) throw new ProxyError("Proxy closed the connection instead of an answer");
  return count;
}

/** "Any 2xx (Successful) response indicates that the sender ... will switch to tunnel mode" (RFC 9110, 9.3.6) */
function isSuccess({ status }: Head): boolean {
  return status >= 200 && status < 300;
}

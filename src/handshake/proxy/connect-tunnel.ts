/**
 * The way through an HTTP proxy: CONNECT (RFC 9110, 9.3.6).
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

/** Where a proxy is to open a way to. */
export interface ProxyTarget {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
}

/** Informational responses (1xx) that are read over in front of the answer. */
const maxInformational = 8;

/**
 * Makes a tunnel that asks an HTTP proxy for the way to `target`.
 *
 * Bytes that the proxy sends behind the head of its answer in one piece with it are a failure: the client speaks first
 * over TLS and in WebSocket, so they cannot be the target's.
 *
 * @param credentials Sent unasked, as Basic (RFC 7617).
 * @param limits What the head of the answer may cost. Default: 16 KiB and 128 headers.
 * @returns It fails with a `TransportError` with `PROXY_FAILED`; its cause is a {@link ProxyError} with the status of the
 * answer, such as 407, where there was one, or what went wrong with the stream or the answer.
 * @throws {TypeError} The target or the credentials may not be sent.
 */
export function connectTunnel(
  { hostname, port }: ProxyTarget,
  credentials?: Credentials,
  limits: HeadLimits = defaultHeadLimits,
): Tunnel {
  const authority = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  // What ends the target would let something else be asked for.
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

/** Reads the head of the answer, over those of informational responses in front of it (RFC 9110, 15.2). */
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

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Lets a server of `node:http2` listen until the test is over, and tells its URL. */
export async function listening(
  server: Http2Server | Http2SecureServer = createServer(),
): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A session with a server, until the test is over. */
export function sessionWith(
  url: string,
  options: SecureClientSessionOptions = {},
): ClientHttp2Session {
  const session = connect(url, options);
  session.on("error", () => {}); // whoever uses it is told
  onTestFinished(() => {
    session.destroy();
  });
  return session;
}

/** What an extended CONNECT of a client of RFC 8441 says; others are put in the place of some. */
export const extendedConnect = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":path": "/",
  "sec-websocket-version": "13",
};

/** An extended CONNECT that nothing of framewire has made; the session must know the server's settings by now. */
export function request(
  session: ClientHttp2Session,
  headers: Record<string, string> = extendedConnect,
): ClientHttp2Stream {
  const stream = session.request(headers, { endStream: false });
  stream.on("error", () => {}); // `close` follows
  return stream;
}

export function settings(session: ClientHttp2Session): Promise<unknown> {
  return new Promise((resolve) => session.once("remoteSettings", resolve));
}

export function responseOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    stream.once("response", resolve);
    stream.once("close", () => {
      reject(new Error(`closed with ${stream.rstCode}`));
    });
  });
}

/** Everything that comes until the peer's end. */
export function bytesOf(stream: ClientHttp2Stream): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.once("end", () => {
      resolve(new Uint8Array(chunks.flatMap((chunk) => [...chunk])));
    });
  });
}

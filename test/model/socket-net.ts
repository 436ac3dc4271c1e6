import { connect as connectHttp2, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { overHttp2 } from "../../adapters/http2/index.ts";
import { runtimeServices } from "../../adapters/runtime-services.ts";
import { silent } from "../../adapters/silent.ts";
import { connectOn } from "../../src/connection/client/connect.ts";
import { serveOn } from "../../src/connection/server/serve.ts";
import type { Connect, Transport } from "../../src/transport.ts";
import { adapter } from "../support/adapter.ts";
import type { Who } from "./actions.ts";
import type { Net } from "./net.ts";

/*
 * Real sockets of the runtime at hand. Nobody can see what they are at: what is quiet for a while is taken for quiet, and
 * what has to hold gets its time.
 */

function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** What all of them have in common: both ends, to be broken. */
function breakable(
  ends: Partial<Record<Who, Transport>>,
): Omit<Net, "serve" | "connect" | "close"> {
  return {
    activity: 0,
    turn: aMoment,
    patience: 25,
    grace: 4000,
    reset() {
      (ends.client ?? ends.server)?.destroy();
    },
    fin(who) {
      (ends[who] ?? ends.client)?.end();
    },
    vanish(who) {
      const end = ends[who];
      if (end !== undefined) end.handler = silent;
    },
  };
}

/** Notes the client's end of a connection. */
function noting(connect: Connect, ends: Partial<Record<Who, Transport>>): Connect {
  return (to, attach) =>
    connect(to, (transport) => {
      ends.client = transport;
      return attach(transport);
    });
}

/** TCP. */
export function socketNet(): Net {
  const ends: Partial<Record<Who, Transport>> = {};
  let port = 0;
  return {
    ...breakable(ends),
    async serve(options, handlers) {
      const server = await serveOn(
        (listenOptions, accept) =>
          adapter.listenTransport(listenOptions, (transport, bytes) => {
            ends.server ??= transport;
            accept(transport, bytes);
          }),
        { port: 0, hostname: "127.0.0.1", ...options },
        handlers,
        runtimeServices(),
      );
      ({ port } = server);
      return server;
    },
    connect: (options, handlers) =>
      connectOn(
        noting(adapter.connectTransport, ends),
        `ws://127.0.0.1:${port}/`,
        options,
        handlers,
        runtimeServices(),
      ),
    close() {
      ends.client?.destroy();
    },
  };
}

/** A stream of HTTP/2 (RFC 8441). */
export async function http2Net(): Promise<Net> {
  const ends: Partial<Record<Who, Transport>> = {};
  const http2 = createServer();
  await new Promise<void>((resolve) => http2.listen(0, "127.0.0.1", resolve));
  const { port } = http2.address() as AddressInfo;
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {}); // whoever uses it is told
  return {
    ...breakable(ends),
    serve: (options, handlers) =>
      adapter.serve({ ...options, server: http2, http2MayCrash: true }, handlers),
    connect: (options, handlers) =>
      connectOn(
        noting(overHttp2(session, { http2MayCrash: true }), ends),
        `ws://127.0.0.1:${port}/`,
        options,
        handlers,
        runtimeServices(),
      ),
    close() {
      session.destroy();
      http2.close();
    },
  };
}

import type * as node from "../../adapters/node/index.ts";
import type { Connect, Listen } from "../../src/transport.ts";
import { runtime } from "./runtime.ts";

/** The adapter of the runtime that runs the test. */
export const adapter = (await import(`../../adapters/${runtime}/index.ts`)) as {
  readonly adopt: typeof node.adopt;
  readonly createServer: typeof node.createServer;
  readonly serve: typeof node.serve;
  readonly connect: typeof node.connect;
  readonly WebSocketStream: typeof node.WebSocketStream;
  readonly listenTransport: Listen;
  readonly connectTransport: Connect;
  readonly listen: typeof node.listen;
  readonly connectStream: typeof node.connectStream;
  readonly dial: typeof node.dial;
};

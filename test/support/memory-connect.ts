import { memoryPair, type MemoryTransport } from "../../adapters/memory/index.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import type { Connect } from "../../src/transport.ts";

/** A way to connect to a server in memory; `transports` gets the client's ends, `accepted` the server's. */
export function memoryConnect(
  server: Pick<Server, "accept">,
  transports: MemoryTransport[] = [],
  accepted: MemoryTransport[] = [],
): Connect {
  return async (_, attach) => {
    const [ours, theirs] = memoryPair();
    transports.push(theirs);
    accepted.push(ours);
    const result = attach(theirs);
    server.accept(ours);
    return result;
  };
}

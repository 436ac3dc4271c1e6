import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterBackplane } from "framewire/cluster";

/**
 * Serves in one of several processes: tells everybody who serves them, sends every message back, and what begins with
 * "all " to everybody, in whichever process they are.
 *
 * @param {typeof import("framewire/auto").serve} serve
 * @param {{ port: number, reusePort?: boolean }} options
 */
export async function serveShare(serve, options) {
  const server = await serve(
    { ...options, backplane: clusterBackplane() },
    {
      open(ws) {
        void ws.subscribe("all");
        return ws.send(`served by process ${process.pid}`);
      },
      async message(ws, data) {
        if (typeof data === "string" && data.startsWith("all "))
          server.publish("all", data.slice(4));
        else await ws.send(data);
      },
    },
  );
  const stop = async () => {
    // Who comes from now on goes to the others. Who has come is let in, to be told to come again as all are: a handshake that is cut
    // off is an error for a client, a connection that is closed with 1001 is not.
    await server.stopListening();
    for (let left = 200; server.counters.opening > 0 && left > 0; left--) await sleep(10);
    await server.shutdown({ reason: "The server stops", deadline: 2000 });
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  process.on("disconnect", stop); // the parent is gone
  process.send?.({ port: server.port });
}

import process from "node:process";
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
    await server.shutdown({ reason: "The server stops", deadline: 2000 });
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  process.on("disconnect", stop); // the parent is gone
  process.send?.({ port: server.port });
}

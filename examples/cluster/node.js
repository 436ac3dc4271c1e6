// One process per core on Node: `node examples/cluster/node.js`, then connect twice to the address that it prints: each is
// told who serves it, and `all hello` goes to both. Node's cluster accepts in the parent and shares the connections out.
import cluster from "node:cluster";
import process from "node:process";
import { serve } from "framewire/node";
import { startShares } from "./parent.js";
import { serveShare } from "./server.js";

// Every worker asks for the same port, also where that is 0, any: the parent listens once, for all of them.
if (cluster.isPrimary) await startShares(() => cluster.fork().process);
else await serveShare(serve, { port: Number(process.env.PORT ?? 8080) });

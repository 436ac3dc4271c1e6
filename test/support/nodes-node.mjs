/**
 * A server whose nodes know each other, in a process of its own: `nodes-node.mjs <runtime> <backplane> [port]`, where the second is
 * "cluster", or "redis" or "nats" at that port. A connection is in "tea" by the key that its path names, and is told how all is seen from
 * here when it says anything. Tells its parent the port.
 */

import process from "node:process";
import { clusterBackplane } from "../../dist/cluster.mjs";
import { natsBackplane } from "../../dist/nats.mjs";
import { joinNodes, presenceOf } from "../../dist/nodes.mjs";
import { redisBackplane } from "../../dist/redis.mjs";

const [runtime, kind, port] = process.argv.slice(2);
const { serve } = await import(`../../dist/${runtime}.mjs`);
const backplanes = {
  cluster: clusterBackplane,
  redis: async () => {
    const { createClient } = await import("redis");
    const socket = { host: "127.0.0.1", port, reconnectStrategy: () => 50 };
    return redisBackplane(createClient({ socket }));
  },
  nats: async () => {
    const { connect } = await import("@nats-io/transport-node");
    return natsBackplane(connect, { servers: `127.0.0.1:${port}` });
  },
};
const nodes = joinNodes(
  await backplanes[kind](),
  { info: runtime, heartbeat: 200, silence: 2000 },
  { request: (question) => `${runtime} ${question}` },
);
const presence = presenceOf(nodes);

/** How all is seen from here. */
async function view() {
  const [{ count }, replies] = await Promise.all([
    nodes.count("tea", { timeout: 500 }),
    nodes.request("answers", { timeout: 500 }),
  ]);
  return {
    nodes: nodes
      .list()
      .map(({ info }) => info)
      .sort(),
    members: presence
      .list("tea")
      .map(({ key, connections }) => `${key} ${connections}`)
      .sort(),
    count,
    answers: replies.map(({ data, error }) => data ?? error.code).sort(),
  };
}

const server = await serve(
  { port: 0, hostname: "127.0.0.1", backplane: nodes },
  {
    async open(ws) {
      await ws.subscribe("tea");
      await presence.enter(ws, "tea", ws.target.slice(1));
      await ws.send("ready");
    },
    message: async (ws) => ws.send(JSON.stringify(await view())),
  },
);
process.on("disconnect", () => process.exit(0));
process.send({ port: server.port });

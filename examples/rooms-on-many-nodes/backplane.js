import process from "node:process";
import { localBackplane } from "framewire";
import { clusterBackplane } from "framewire/cluster";

/** How many messages of a room are kept, at least. A new page gets all of them. */
const history = 200;

/**
 * Chooses what joins this node with the others. Redis carries and keeps messages. Without Redis, the parent process carries
 * messages, but does not keep them. A node without a parent is alone, and keeps messages itself.
 *
 * @returns {Promise<import("framewire").Backplane>}
 */
export async function chooseBackplane() {
  const url = process.env.REDIS_URL;
  if (url !== undefined) {
    const [{ createClient }, { redisStreams }] = await Promise.all([
      import("redis"),
      import("framewire/redis"),
    ]);
    return redisStreams(createClient({ url }), { history, historyTime: 3_600_000 });
  }
  return process.send === undefined ? localBackplane({ history }) : clusterBackplane();
}

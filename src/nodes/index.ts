/**
 * Lets the servers of one backplane know each other: a list of them, messages and questions between them, counts and presence.
 *
 * @example
 * import { joinNodes, presenceOf } from "framewire/nodes";
 * import { redisBackplane } from "framewire/redis";
 * import { serve } from "framewire/node";
 *
 * const nodes = joinNodes(redisBackplane(client));
 * const presence = presenceOf(nodes);
 * await serve({ port: 8080, backplane: nodes }, { open: (ws) => presence.enter(ws, "lobby", ws.context.user) });
 *
 * @module framewire/nodes
 */

export { type NodesCode, NodesError } from "./errors.ts";
export { joinNodes, Nodes } from "./nodes.ts";
export type {
  AskOptions,
  NodeAnswer,
  NodeEntry,
  NodeFailure,
  NodeReply,
  NodesCount,
  NodesCounters,
  NodesHandlers,
  NodesOptions,
  NodesState,
  ToNodes,
} from "./options.ts";
export type {
  Gathered,
  PresenceHandlers,
  PresenceMember,
  PresenceOptions,
  PresentConnection,
} from "./presence/options.ts";
export { Presence, presenceOf } from "./presence/presence.ts";

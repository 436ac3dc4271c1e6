/**
 * Handlers of a server of the core, which call the hooks for its connections.
 *
 * @module
 */

import { type Connection, linkOf } from "../../src/connection/connection.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import { isKeepalive } from "../../src/connection/keepalive.ts";
import { isPromise } from "../../src/deferred.ts";
import { LimitError, ProtocolError, TimeoutError, TransportError } from "../../src/errors.ts";
import { HookMessage } from "./message.ts";
import type { Namespaces } from "./namespaces.ts";
import type { HookPeer } from "./peer.ts";
import type { Hooks } from "./types.ts";

/** Hooks that are called with a peer, and with at most one other argument. */
type PeerHook = Exclude<keyof Hooks, "upgrade">;

/** Fails the connection of a peer with 1011, and reports the error. */
export function failPeer({ connection }: HookPeer, error: unknown): void {
  linkOf(connection as Connection).fail(error);
}

/** Gives handlers that call the hooks of the adapter, and then those of the peer's request. */
export function peerHandlers(
  common: Hooks | undefined,
  namespaces: Namespaces,
): Handlers<HookPeer> {
  return {
    open(ws) {
      const peer = ws.context;
      peer.opened(ws);
      namespaces.add(peer);
      watch(peer, call(common, peer, "open"));
    },
    message(ws, data) {
      const peer = ws.context;
      watch(peer, call(common, peer, "message", new HookMessage(data, peer)));
    },
    drain({ context }) {
      watch(context, call(common, context, "drain"));
    },
    ping({ context }, payload) {
      watch(context, call(common, context, "ping", payload));
    },
    pong({ context }, payload) {
      if (!isKeepalive(payload)) watch(context, call(common, context, "pong", payload));
    },
    error({ context }, error) {
      if (error instanceof TransportError || error instanceof TimeoutError) return undefined;
      if (common?.error ?? context.hooks?.error) return call(common, context, "error", error);
      // A mistake of a peer is not reported. Any other error is the application's: it is thrown, and so becomes an unhandled
      // error.
      if (error instanceof ProtocolError || error instanceof LimitError) return undefined;
      throw error;
    },
    // The shutdown of the server waits for this promise.
    close({ context }, { status, reason }) {
      namespaces.delete(context);
      return call(common, context, "close", { code: status, reason });
    },
  };
}

/** Calls the hooks of both kinds. @returns A promise if one of them has returned one. */
function call(common: Hooks | undefined, peer: HookPeer, name: PeerHook, about?: unknown): unknown {
  const first: unknown = common?.[name]?.(peer, about as never);
  const second: unknown = peer.hooks?.[name]?.(peer, about as never);
  if (!isPromise(first)) return second;
  return isPromise(second) ? Promise.all([first, second]) : first;
}

/** Fails the connection if a hook's promise rejects, as if the hook had thrown. */
function watch(peer: HookPeer, result: unknown): void {
  if (!isPromise(result)) return;
  result.then(undefined, (error: unknown) => {
    failPeer(peer, error);
  });
}

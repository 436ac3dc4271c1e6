/**
 * What a server of the core tells of its connections, told to hooks.
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

/** Hooks that are called with a peer, and with one thing more at the most. */
type PeerHook = Exclude<keyof Hooks, "upgrade">;

/** Fails the connection of a peer with 1011, and tells why. */
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
      // What a peer does wrong is no news. What else comes here is the application's own: it goes where errors go that nobody takes.
      if (error instanceof ProtocolError || error instanceof LimitError) return undefined;
      throw error;
    },
    // The server is not shut down before its promise has settled.
    close({ context }, { status, reason }) {
      namespaces.delete(context);
      return call(common, context, "close", { code: status, reason });
    },
  };
}

/** Calls both hooks of a name. @returns A promise where one of them has returned one. */
function call(common: Hooks | undefined, peer: HookPeer, name: PeerHook, about?: unknown): unknown {
  const first: unknown = common?.[name]?.(peer, about as never);
  const second: unknown = peer.hooks?.[name]?.(peer, about as never);
  if (!isPromise(first)) return second;
  return isPromise(second) ? Promise.all([first, second]) : first;
}

/** What a hook's promise rejects with fails the connection, as what a hook throws does. */
function watch(peer: HookPeer, result: unknown): void {
  if (!isPromise(result)) return;
  result.then(undefined, (error: unknown) => {
    failPeer(peer, error);
  });
}

import { runtime } from "./runtime.ts";

/** The class of WebSockets that a browser would have: the runtime's own, or on Node 20, which has none, undici's, which later ones have. */
export async function giveWebSocket(): Promise<void> {
  if (runtime !== "node" || "WebSocket" in globalThis) return;
  const { WebSocket } = await import("undici");
  Object.assign(globalThis, { WebSocket });
}

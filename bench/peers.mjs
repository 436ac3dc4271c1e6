/**
 * Who is compared on each runtime: the library, those beside it, and the limit.
 */

/** Servers of others by runtime: a file in bench/ and what it is told; what it is asked to be comes last. */
const others = {
  node: {
    ws: ["servers/ws.mjs", "plain"],
    "ws + bufferutil": ["servers/ws.mjs", "bufferutil"],
    "uWebSockets.js": ["servers/uws.mjs"],
  },
  deno: { own: ["servers/deno-serve.mjs"] },
  bun: { own: ["servers/bun-serve.mjs"] },
};

/**
 * The servers of a runtime, by name.
 *
 * @param framewire The library's, likewise.
 * @param kind What the others are asked to be.
 * @param limit What plain sockets are asked to be; null for none.
 */
export function serversOf(runtime, { framewire, kind = "echo", limit = kind }) {
  const servers = { framewire };
  for (const [name, command] of Object.entries(others[runtime])) servers[name] = [...command, kind];
  if (limit !== null) servers.TCP = ["servers/tcp.mjs", limit];
  return servers;
}

/** What programs use that are to be switched: npm's `ws`; on Bun what Bun puts in its place. */
const replaced = {
  node: { ws: ["servers/ws.mjs", "plain"], "ws + bufferutil": ["servers/ws.mjs", "bufferutil"] },
  deno: { ws: ["servers/ws.mjs", "plain"] },
  bun: { "Bun's ws": ["servers/ws.mjs", "plain"] },
};

/** The class of `framewire/ws`, or what else is given as `framewire`, and what it takes the place of, by name. */
export function replacementsOf(runtime, { framewire = ["servers/ws.mjs", "framewire"] } = {}) {
  return { framewire, ...replaced[runtime] };
}

/**
 * What is compared in an echo of `framewire/ws`: what it takes the place of, and on Node and Deno the floor, the least that this
 * interface costs on their sockets.
 */
export function echoReplacementsOf(runtime) {
  const floor = runtime === "bun" ? {} : { floor: ["servers/floor.mjs"] };
  return { ...replacementsOf(runtime), ...floor };
}

/**
 * Connections without a network, for tests: two transports joined back to back, and a network of them.
 *
 * They can misbehave as networks do, by a seed: come in pieces, late, and break at the k-th operation.
 *
 * @example
 * const network = memoryNetwork({ seed: 7, cut: 10, delay: 5 });
 * await using server = await network.serve({ port: 80 }, { message: (ws, data) => ws.send(data) });
 * await using ws = await network.connect("ws://test/");
 *
 * @module framewire/memory
 */

export { MemoryFailure, type MemoryOptions } from "./schedule.ts";
export { type MemoryNetwork, memoryNetwork, type MemoryNetworkOptions } from "./network.ts";
export { memoryPair, MemoryTransport } from "./transport.ts";

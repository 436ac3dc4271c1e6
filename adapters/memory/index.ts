/**
 * Connections without a network, for tests: two transports that are connected to each other, and a network of such pairs.
 *
 * They can misbehave as networks do, controlled by a seed: deliver bytes in pieces, or late, and fail at the k-th operation.
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

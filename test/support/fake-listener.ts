import type { Listen, Transport } from "../../src/transport.ts";

/** A listener without a network: the test hands in transports itself. */
export function fakeListener(): {
  listen: Listen;
  accept: (transport: Transport) => void;
  closed: () => number;
} {
  let accept!: (transport: Transport) => void;
  let closed = 0;
  return {
    listen: async (options, onTransport) => {
      accept = onTransport;
      return {
        port: options.port!,
        hostname: options.hostname ?? "0.0.0.0",
        close: async () => {
          closed++;
        },
      };
    },
    accept: (transport) => {
      accept(transport);
    },
    closed: () => closed,
  };
}

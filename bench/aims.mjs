/**
 * What the library aims at: its figure in so many times the figure of another in the same run, by benchmark, row,
 * runtime and whom it is compared with. Of what should be small, such as memory, the aim is the most; of the rest the
 * least.
 */

export const aims = {
  echo: {
    "16 B, 64 x 16": {
      node: { ws: 12, "uWebSockets.js": 1.5, TCP: 0.9 },
      deno: { own: 10, TCP: 0.9 },
      bun: { own: 1.2 },
    },
    "1 KiB, 64 x 16": { node: { ws: 11 }, deno: { own: 8 }, bun: { own: 1.4 } },
    "16 B, 64 x 1": {
      node: { ws: 1.5, TCP: 1.1 },
      deno: { own: 1, TCP: 0.95 },
      bun: { own: 1.05 },
    },
    "64 KiB, 64 x 1": { node: { ws: 1.4 }, deno: { own: 1.4 }, bun: { own: 1.15 } },
    "1 MiB, 8 x 1": { node: { ws: 1.15 }, deno: { own: 1.3 }, bun: { own: 1.3 } },
  },
  loop: { "16 B, 64 x 16": { node: { ws: 8 }, deno: { own: 6 }, bun: { own: 0.6 } } },
  text: {
    "128 B ASCII, 64 x 16": { node: { ws: 10 }, deno: { own: 7 }, bun: { own: 0.9 } },
    "128 B mixed, 64 x 16": { node: { ws: 10 }, deno: { own: 7 }, bun: { own: 0.9 } },
  },
  low: { "16 B, 64 x 16": { node: { ws: 14 }, deno: { own: 12 }, bun: { own: 1.1 } } },
  broadcast: { "128 B to 1 000": { node: { ws: 3 }, deno: { own: 3 }, bun: { own: 1 } } },
  handshake: { "32 at a time": { node: { ws: 1.5 }, deno: { own: 1.4 }, bun: { own: 1 } } },
  idle: { "10 000 open": { node: { ws: 0.75 }, deno: { own: 0.5 }, bun: { own: 1 } } },
};

/**
 * Both ends of framewire on streams of a real WebTransport session, which has no TCP below it: QUIC and HTTP/3 of Deno.
 *
 * Prints, as JSON, what came of it. Run with `--unstable-net`.
 */

import { connect, createServer, streamsTransport } from "framewire/streams";
import { key, right } from "../support/tls/certificates.mjs";

const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
const listener = endpoint.listen({ cert: right, key, alpnProtocols: ["h3"] });

/** Deno sends no FIN for a closed stream of WebTransport: each side has to end by itself. In milliseconds. */
const closeTimeout = 500;

/** How the server's two connections ended. */
const ends = [];
let allEnded;
const ended = new Promise((resolve) => (allEnded = resolve));
const server = createServer(
  { maxMessageSize: 8 * 1024 ** 2, closeTimeout },
  {
    message: (ws, data) => ws.send(data),
    close(_, { status, clean }) {
      ends.push({ status, clean });
      if (ends.length === 2) allEnded();
    },
  },
);

async function acceptSessions() {
  for await (const incoming of listener) {
    const session = await Deno.upgradeWebTransport(await incoming.accept());
    await session.ready;
    for await (const stream of session.incomingBidirectionalStreams) {
      server.accept(streamsTransport(stream));
    }
  }
}

/** SHA-256 of a certificate in PEM: the session trusts that one and no other. */
async function hashOf(pem) {
  const bytes = Uint8Array.from(atob(pem.replaceAll(/-----.*-----|\s/g, "")), (char) =>
    char.charCodeAt(0),
  );
  return { algorithm: "sha-256", value: await crypto.subtle.digest("SHA-256", bytes) };
}

acceptSessions().catch(() => {
  // The session ends with the program.
});
const session = new WebTransport(`https://localhost:${endpoint.addr.port}/`, {
  serverCertificateHashes: [await hashOf(right)],
});
await session.ready;

const open = () => session.createBidirectionalStream();
const [one, other] = await Promise.all([
  connect("ws://any/", { open, closeTimeout }),
  connect("ws://any/", { open, closeTimeout }),
]);
const large = new Uint8Array(4 * 1024 ** 2).map((_, i) => i % 251);
void one.send(large);
await other.send("beside it");
const [echo, beside] = await Promise.all([one.receive(), other.receive()]);
const closures = await Promise.all([one.close(1000, "done"), other.close()]);
await ended;
console.log(
  JSON.stringify({
    isSame: echo.length === large.length && echo.every((byte, i) => byte === large[i]),
    beside,
    closures: closures.map(({ status, clean }) => ({ status, clean })),
    ends,
  }),
);
session.close();
Deno.exit(0);

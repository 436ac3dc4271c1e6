// wss: and https: on one port. On Node, Deno and Bun: `node examples/tls/server.js`, then client.js; with CERT and KEY in the
// environment, two files in PEM, it takes those, and otherwise makes a certificate for localhost (by `openssl`).
import { readFileSync } from "node:fs";
import process from "node:process";
import { serve } from "framewire/auto";
import { trialCertificate } from "./certificate.js";

const { CERT, KEY, PORT } = process.env;
const tls =
  CERT !== undefined && KEY !== undefined
    ? { cert: readFileSync(CERT, "utf8"), key: readFileSync(KEY, "utf8") }
    : trialCertificate();

const server = await serve(
  { port: Number(PORT ?? 8443), tls: { cert: tls.cert, key: tls.key } },
  {
    http: () => ({ body: "over TLS\n" }),
    message: (ws, data) => ws.send(data),
  },
);
console.log(`echo on wss://localhost:${server.port}`);

// A client that trusts the authority of the trial certificate, and nobody else. On Node, Deno and Bun:
// `node examples/tls/client.js wss://localhost:8443/`, with server.js running.
import process from "node:process";
import { connect } from "framewire/auto";
import { trialCertificate } from "./certificate.js";

const address = process.argv[2] ?? "wss://localhost:8443/";
const { ca } = trialCertificate();
const ws = await connect(address, { tls: { ca }, timeout: 5000 });
await ws.send("hello over TLS");
console.log(await ws.receive(), ws.tls?.version ?? "");
await ws.close();

await connect(address, { timeout: 5000 }).catch((error) => console.log("without it:", error.code));

// A client for the terminal, to try the other examples with: what you type is sent, what comes is printed. On Node, Deno and
// Bun: `node examples/client/client.js ws://localhost:8080/`, with headers behind the address: `"Cookie: session=1"`.
import process from "node:process";
import { createInterface } from "node:readline";
import { DialError } from "framewire";
import { connect } from "framewire/auto";

const [, , address = "ws://localhost:8080/", ...lines] = process.argv;
const headers = lines.map((line) => {
  const colon = line.indexOf(":");
  return /** @type {const} */ ([line.slice(0, colon), line.slice(colon + 1).trim()]);
});

try {
  const ws = await connect(address, { headers, timeout: 5000 });
  console.log("connected", ws.extensions);
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => void ws.send(line));
  input.on("close", () => void ws.close());

  for await (const message of ws) console.log(message);
  const { status, reason } = await ws.closed;
  console.log("closed", status, reason);
  input.close();
} catch (error) {
  if (error instanceof DialError)
    console.log("refused", error.status, new TextDecoder().decode(error.body));
  else console.log(String(error));
  process.exitCode = 1;
}

// WebSockets over HTTP/2, beside plain requests, on Node or Bun: `node examples/http2/server.js`, then
// `node examples/http2/client.js` with the address that it prints. In the clear, which browsers do not do: theirs take
// createSecureServer({ cert, key, allowHTTP1: true }).
import { createServer } from "node:http2";
import process from "node:process";
import { serve } from "framewire/auto";

const http2 = createServer((request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(`${request.url} over HTTP/${request.httpVersion}\n`);
});
await new Promise((resolve) => http2.listen(Number(process.env.PORT ?? 8080), () => resolve(null)));
const server = await serve({ server: http2 }, { message: (ws, data) => ws.send(data) });
console.log(`HTTP/2 on http://localhost:${server.port}`);

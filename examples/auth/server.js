// Who is let in: people by a cookie, and only from this server's own pages; programs by a token. On Node, Deno and Bun:
// `node examples/auth/server.js`, then open the address that it prints and log in with any name.
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import process from "node:process";
import { cookie } from "framewire/http";
import { serve } from "framewire/auto";

/** Names by what their cookie says. @type {Map<string, string>} */
const sessions = new Map();

/** @param {string} text */
const digest = (text) => createHash("sha256").update(text).digest();
const expected = digest(`Bearer ${process.env.TOKEN ?? randomUUID()}`); // no TOKEN: no program gets in

const page = `<!doctype html><title>auth</title>
<form action="/login">Your name: <input name="name"> <button>Log in</button></form><pre id="log"></pre>
<script>
  const ws = new WebSocket(location.href.replace("http", "ws"));
  ws.onmessage = ({ data }) => (log.textContent += data);
  ws.onerror = () => (log.textContent += "Refused: log in first.");
</script>`;

const server = await serve(
  { port: Number(process.env.PORT ?? 8080), origins: "same" },
  {
    http(request) {
      if (request.path === "/") return { headers: [["Content-Type", "text/html"]], body: page };
      if (request.path !== "/login") return { status: 404 };
      const session = randomUUID(); // where a real login has checked a password, by a POST
      sessions.set(session, request.query.get("name") || "somebody");
      const attributes = "HttpOnly; SameSite=Lax; Path=/"; // and Secure, over TLS
      return {
        status: 303,
        headers: [
          ["Set-Cookie", `session=${session}; ${attributes}`],
          ["Location", "/"],
        ],
      };
    },
    upgrade(request) {
      // In a time that does not tell how much of it was right.
      if (timingSafeEqual(digest(request.get("authorization") ?? ""), expected))
        return { context: { user: "a program" } };
      const user = sessions.get(cookie(request.get("cookie") ?? "", "session") ?? "");
      return user === undefined ? { status: 401, body: "Log in first.\n" } : { context: { user } };
    },
    open: (ws) => void ws.send(`hello ${ws.context.user}\n`),
    refused: (error, address) => console.log("refused", address, error.status, error.message),
  },
);
console.log(`auth on http://localhost:${server.port}`);

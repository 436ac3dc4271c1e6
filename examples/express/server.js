// Express logs people in, framewire lets in who is: `node examples/express/server.js`, then open the address it prints.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import express from "express";
import { route } from "framewire";
import { cookie } from "framewire/http";
import { serve } from "framewire/node";

/** Names of those who have logged in, by what their cookie says. @type {Map<string, string>} */
const sessions = new Map();

const app = express();
app.get("/", (_, response) => {
  response.type("html").send(`<!doctype html><title>framewire beside Express</title>
    <form method="post" action="/login">Your name: <input name="name"> <button>Log in</button></form>
    <pre id="log"></pre>
    <script>
      const ws = new WebSocket(location.href.replace("http", "ws") + "greeter");
      ws.onmessage = ({ data }) => (log.textContent += data);
      ws.onerror = () => (log.textContent += "Refused: log in first.");
    </script>`);
});
app.post("/login", express.urlencoded(), (request, response) => {
  const name = request.body?.name;
  if (typeof name !== "string" || name === "") return void response.status(400).send("No name\n");
  const session = randomUUID(); // where a real login has checked a password
  sessions.set(session, name);
  response.cookie("session", session, { httpOnly: true, sameSite: "lax" }).redirect(303, "/");
});

const server = createServer(app);
const sockets = await serve(
  { server },
  {
    routes: {
      "/greeter": route({
        // Pages of other sites never come so far with a cookie: see the option `origins`.
        upgrade(request) {
          const name = sessions.get(cookie(request.get("cookie") ?? "", "session") ?? "");
          if (name === undefined) return { status: 401, body: "Log in first.\n" };
          return { context: { name } };
        },
        open: (ws) => void ws.send(`Hello, ${ws.context.name}`),
        message: (ws, data) => ws.send(data),
      }),
    },
  },
);
await once(server.listen(Number(process.env.PORT ?? 8080)), "listening");
console.log(`Express on http://localhost:${sockets.port}`);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close(); // accepts nobody any more
    await sockets.shutdown({ deadline: 2000 });
  });
}

/** What is found under a name, by import and by require. */
import { createRequire } from "node:module";
import process from "node:process";

const [, , name] = process.argv;
const imported = await import(name);
const required = createRequire(import.meta.url)(name);
const Class = typeof required === "function" ? required : required.default;
const names = ["createWebSocketStream", "Sender", "Server", "WebSocket", "WebSocketServer"];
console.log(
  "required",
  typeof Class,
  names.filter((one) => typeof Class[one] === "function").length,
);
console.log("imported", imported.default === imported.WebSocket, typeof imported.WebSocketServer);

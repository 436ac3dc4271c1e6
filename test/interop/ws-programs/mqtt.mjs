/** mqtt 5 to aedes, over a stream of a WebSocket. */
import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import { Aedes } from "aedes";
import mqtt from "mqtt";

const { createWebSocketStream, WebSocketServer } = await import(process.argv[2]);

const broker = await Aedes.createBroker();
const http = createServer();
const server = new WebSocketServer({ server: http });
server.on("connection", (ws, request) => {
  broker.handle(createWebSocketStream(ws), request);
});
http.listen(0, "127.0.0.1");
await once(http, "listening");
const url = `ws://127.0.0.1:${http.address().port}`;
const [publisher, subscriber] = [await mqtt.connectAsync(url), await mqtt.connectAsync(url)];
await subscriber.subscribeAsync("topic/#", { qos: 1 });
const came = once(subscriber, "message");
await publisher.publishAsync("topic/1", Buffer.alloc(300_000), { qos: 1 });
const [topic, message] = await came;
console.log(topic, message.length);
for (const client of [publisher, subscriber]) await client.endAsync();
await new Promise((resolve) => broker.close(resolve));
server.close();
http.close();

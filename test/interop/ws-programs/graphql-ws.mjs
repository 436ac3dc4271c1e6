/** graphql-ws on both sides: a query and a subscription. */
import { once } from "node:events";
import process from "node:process";
import { buildSchema } from "graphql";
import { createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";

const { WebSocket, WebSocketServer } = await import(process.argv[2]);

const schema = buildSchema("type Query { hello: String } type Subscription { count: Int }");
const roots = {
  query: { hello: () => "world" },
  subscription: {
    async *count() {
      for (const count of [1, 2, 3]) yield { count };
    },
  },
};
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/graphql" });
await once(server, "listening");
const served = useServer({ schema, roots }, server);
const url = `ws://127.0.0.1:${server.address().port}/graphql`;
const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
for await (const { data } of client.iterate({ query: "{ hello }" })) console.log(data.hello);
for await (const { data } of client.iterate({ query: "subscription { count }" })) {
  console.log(data.count);
}
await client.dispose();
await served.dispose();

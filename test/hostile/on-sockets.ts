import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { RawClient, RawServer } from "../support/raw-client.ts";
import { macrotask } from "../support/turns.ts";
import { Peer, Recorder } from "./play.ts";
import { plain, type Role, session, type Setup } from "./support.ts";

/** A connection over sockets, on the runtime at hand. */
export interface Opened {
  readonly recorder: Recorder;
  readonly socket: RawClient;
  readonly peer: Peer;
}

/** framewire over sockets in both roles, each connection with a server, or a client, of its own. */
export class OnSockets {
  readonly #servers: Server[] = [];
  #rawServer: RawServer | undefined;

  /** Starts a server with a setup. */
  async serve(setup: Setup = plain): Promise<{ recorder: Recorder; server: Server }> {
    const recorder = new Recorder(setup);
    const server = await adapter.serve(recorder.serveOptions, recorder.handlers);
    this.#servers.push(server);
    return { recorder, server };
  }

  /** Lets a client connect, and gives the peer that has its request. */
  async connect(recorder: Recorder): Promise<{ socket: RawClient; peer: Peer }> {
    const rawServer = (this.#rawServer ??= await RawServer.start());
    const arriving = rawServer.accept();
    const url = `ws://127.0.0.1:${rawServer.port}/`;
    void recorder.attempt(adapter.connect(url, recorder.clientOptions, recorder.clientHandlers));
    const socket = await arriving;
    const peer = new Peer(socket, "client");
    await peer.asked.promise;
    return { socket, peer };
  }

  /** Opens a connection. */
  async open(role: Role, setup: Setup = plain): Promise<Opened> {
    let opened: Opened;
    if (role === "server") {
      const { recorder, server } = await this.serve(setup);
      const socket = await RawClient.connect(server.port);
      opened = { recorder, socket, peer: new Peer(socket, role) };
    } else {
      const recorder = new Recorder(setup);
      opened = { recorder, ...(await this.connect(recorder)) };
    }
    const { peer, recorder } = opened;
    peer.send(session()[role]!.input(peer.accept));
    while (recorder.ws === undefined) await macrotask();
    return opened;
  }

  /** Stops the servers that were started. */
  async stop(): Promise<void> {
    for (const server of this.#servers.splice(0)) await server.shutdown({ deadline: 0 });
    this.#rawServer?.close();
    this.#rawServer = undefined;
  }
}

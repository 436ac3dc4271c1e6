import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, startProgram } from "./program.ts";
import { RawClient } from "./raw-client.ts";

/** An HTTP proxy that stands between clients and a server: what it is, and how it is told to. */
export interface Intermediary {
  readonly name: string;
  /** The Debian package that it comes from. */
  readonly installation: string;
  readonly program: string;
  args(config: string): readonly string[];
  /** What it answers with where the server behind it is gone. */
  readonly status: number;
  /** A configuration that gives up a connection after a second without a byte. */
  config(folder: string, port: number, serverPort: number): string;
}

/** nginx's configuration around its servers. @param folder Where it may write. */
export const nginxConfig = (folder: string, servers: string): string => `
    daemon off;
    master_process off;
    pid ${folder}/nginx.pid;
    error_log stderr notice;
    events { worker_connections 256; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body;
      proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi;
      scgi_temp_path ${folder}/scgi;
      ${servers}
    }
  `;

/** haproxy's configuration in front of its parts. @param seconds Without a byte, after which it gives a connection up. */
export const haproxyDefaults = (seconds: number): string => `
global
  maxconn 256
defaults
  mode http
  retries 0
  timeout connect 1s
  timeout client ${seconds}s
  timeout server ${seconds}s
  timeout tunnel ${seconds}s`;

export const nginx: Intermediary = {
  name: "nginx",
  installation: "apt-get install nginx",
  program: "/usr/sbin/nginx",
  args: (config) => ["-c", config],
  status: 502,
  // `location /bare/` is nginx as it comes: it passes no Upgrade on, and says `Connection: close`.
  config: (folder, port, serverPort) =>
    nginxConfig(
      folder,
      `server {
        listen 127.0.0.1:${port};
        proxy_http_version 1.1;
        proxy_read_timeout 1s;
        proxy_set_header Host $host;
        location / {
          proxy_pass http://127.0.0.1:${serverPort};
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection "upgrade";
        }
        location /bare/ {
          proxy_pass http://127.0.0.1:${serverPort};
        }
      }`,
    ),
};

export const haproxy: Intermediary = {
  name: "haproxy",
  installation: "apt-get install haproxy",
  program: "/usr/sbin/haproxy",
  args: (config) => ["-db", "-f", config],
  status: 503,
  config: (_, port, serverPort) => `${haproxyDefaults(1)}
frontend clients
  bind 127.0.0.1:${port}
  default_backend framewire
backend framewire
  server one 127.0.0.1:${serverPort}
`,
};

/** One that runs, and can be started again on its port. */
export class RunningIntermediary {
  readonly port: number;
  readonly #command: readonly string[];
  readonly #folder: string;
  #program: Program;

  private constructor(port: number, command: readonly string[], folder: string) {
    this.port = port;
    this.#command = command;
    this.#folder = folder;
    this.#program = startProgram(command);
  }

  /** Starts it in front of a server's port of 127.0.0.1. */
  static async start(kind: Intermediary, serverPort: number): Promise<RunningIntermediary> {
    const folder = mkdtempSync(join(tmpdir(), "framewire-"));
    const config = join(folder, "config");
    const port = await freePort();
    writeFileSync(config, kind.config(folder, port, serverPort));
    const running = new RunningIntermediary(port, [kind.program, ...kind.args(config)], folder);
    await running.#listening();
    return running;
  }

  /** Ends it as an administrator would, by SIGTERM: its connections end with it. */
  async stop(): Promise<void> {
    await this.#program.stop();
  }

  /** Starts it again after `stop`. */
  async start(): Promise<void> {
    this.#program = startProgram(this.#command);
    await this.#listening();
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** Waits until it accepts connections: haproxy says nothing when it does. */
  async #listening(): Promise<void> {
    let failure: Error | undefined;
    void this.#program.ended.then(({ code, output }) => {
      failure = new Error(`It ended with ${code}: ${output}`);
    });
    for (;;) {
      try {
        (await RawClient.connect(this.port)).destroy();
        return;
      } catch {
        if (failure !== undefined) throw failure;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }
}

/** Why it cannot run here; undefined where it can. */
export function missing({ name, program, installation }: Intermediary): string | undefined {
  return existsSync(program) ? undefined : `${name}: no ${program} (${installation})`;
}

/** A port that is free: neither of the two can say which one it was given for 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

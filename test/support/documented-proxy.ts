import { readFileSync } from "node:fs";
import { haproxy, haproxyDefaults, type Intermediary, nginx, nginxConfig } from "./intermediary.ts";

/** Proxies as docs/behind-a-proxy.md has them configured: its blocks, with the ports of a test in the place of its own. */

const page = new URL("../../docs/behind-a-proxy.md", import.meta.url);

/** The proxy's own address, so that it can be told from clients, which are at 127.0.0.1. */
export const proxyAddress = "127.0.0.3";

/** The block under a heading of the page. */
function blockOf(heading: string): string {
  const text = readFileSync(page, "utf8");
  const section = text.split(new RegExp(`\n##+ ${heading}\n`))[1];
  const block = section && /```(?:nginx|haproxy)\n([^]*?)```/.exec(section)?.[1];
  if (block === undefined) throw new Error(`docs/behind-a-proxy.md has no block under ${heading}`);
  return block;
}

/** nginx with the page's server. @param path Of the Unix socket that it passes requests on to. Default: to the server's port. */
export const documentedNginx = (path?: string): Intermediary => ({
  ...nginx,
  config: (folder, port, serverPort) =>
    nginxConfig(
      folder,
      `${path === undefined ? `proxy_bind ${proxyAddress};` : ""}
      ${blockOf("nginx")
        .replace("listen 80;", `listen 127.0.0.1:${port};`)
        .replace(
          "127.0.0.1:8080",
          path === undefined ? `127.0.0.1:${serverPort}` : `unix:${path}`,
        )}`,
    ),
});

/** haproxy with the page's block under a heading. @param change What the page says may be changed in it. */
export function documentedHaproxy(
  heading: string,
  change: (block: string) => string = (block) => block,
): Intermediary {
  return {
    ...haproxy,
    config: (_, port, serverPort) => `${haproxyDefaults(10)}
  source ${proxyAddress}
${change(blockOf(heading)).replace("bind :80", `bind 127.0.0.1:${port}`).replace("127.0.0.1:8080", `127.0.0.1:${serverPort}`)}
`,
  };
}

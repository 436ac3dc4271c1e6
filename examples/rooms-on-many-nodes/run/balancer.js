// This file writes the configuration of haproxy or nginx. On many machines, each node has a host and a port instead of a Unix
// socket, and its option `trustProxy` has the balancer's address instead of "unix".

/** @typedef {{ readonly name: string, readonly socket: string }} Node */

/**
 * haproxy asks each node for /health. It sends no client to a node that does not answer, and cuts that node's connections, so
 * that their clients come again and get another node.
 *
 * @param {number} port
 * @param {readonly Node[]} nodes
 */
export function haproxyConfig(port, nodes) {
  const servers = nodes.map(({ name, socket }) => `server ${name} unix@${socket}`);
  return `
global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s # no connection is silent for so long, since the nodes ping each client every 20 s
  timeout check 3s
frontend clients
  bind 127.0.0.1:${port}
  # This replaces what a client may have written there. An IPv6 address would need brackets.
  http-request set-header Forwarded "for=%[src];proto=http;host=\\"%[req.hdr(host)]\\""
  default_backend nodes
backend nodes
  balance leastconn
  # If a node cannot be reached, the request goes to another one.
  retries 3
  option redispatch 1
  option httpchk GET /health
  http-check expect status 200
  default-server check inter 1s fall 3 rise 1 on-marked-down shutdown-sessions
  ${servers.join("\n  ")}
`;
}

/**
 * nginx does not ask for /health. If it cannot reach a node, it sends the request to the next node, and nothing to that one for a
 * second.
 *
 * @param {number} port
 * @param {readonly Node[]} nodes
 * @param {string} folder Where it may write.
 * @param {string} user The owner of the sockets. If root starts nginx, its workers are another user unless they are told not to.
 */
export function nginxConfig(port, nodes, folder, user) {
  const servers = nodes.map(({ socket }) => `server unix:${socket} max_fails=1 fail_timeout=1s;`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
${user === "root" ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 2000; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  map $http_upgrade $connection_upgrade {
    default upgrade;
    "" "";
  }
  upstream nodes {
    least_conn;
    ${servers.join("\n    ")}
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $http_host;
      # This replaces what a client may have written there. An IPv6 address would need brackets.
      proxy_set_header Forwarded "for=$remote_addr;proto=$scheme;host=\\"$http_host\\"";
      proxy_connect_timeout 2s;
      proxy_next_upstream error timeout;
      proxy_read_timeout 60s; # no connection is silent for so long, since the nodes ping each client every 20 s
    }
  }
}
`;
}

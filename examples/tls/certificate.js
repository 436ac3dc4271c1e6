// Makes a certificate for a trial on one's own machine, by the command `openssl`: it is good for 30 days and for localhost.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = join(tmpdir(), "framewire-example-tls");

/** Gives the certificate, its key, and the authority that signed it, all in PEM; makes them where there are none. */
export function trialCertificate() {
  if (!existsSync(join(folder, "cert.pem"))) make();
  const [cert, key, ca] = ["cert.pem", "key.pem", "ca.pem"].map((name) =>
    readFileSync(join(folder, name), "utf8"),
  );
  return { cert: cert ?? "", key: key ?? "", ca: ca ?? "" };
}

function make() {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  /** @param {string} line */
  const openssl = (line) =>
    execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "pipe" });
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl(`req -x509 ${newKey} -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=trial`);
  openssl(`req ${newKey} -keyout key.pem -out request.pem -subj /CN=localhost`);
  const sign = "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial";
  openssl(`${sign} -days 30 -extfile names -out cert.pem`);
}

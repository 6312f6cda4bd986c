/**
 * Web servers with TLS in front of a server under test, each a real nginx on a port of its own, and a real bridge.
 *
 * Certificates come from an authority made for the story; Chromium trusts its key, programs its file.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { BIN } from "./world.ts";

const NGINX = process.env["ZAJIL_NGINX"] ?? "/usr/sbin/nginx";

/** Names, keys and certificates as files of a folder: `<name>.crt`, `<name>.key`, `root.crt`. Prints the key's pin. */
const MAKE_CERTIFICATES = `
import base64, datetime as dt, hashlib, sys
from pathlib import Path
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
folder, names = Path(sys.argv[1]), sys.argv[2:]
now, pem = dt.datetime.now(dt.timezone.utc), s.Encoding.PEM
named = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
ca = ec.generate_private_key(ec.SECP256R1())
def sign(subject, key, extensions):
    made = x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named("story root")).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=30))
    for extension, critical in [*extensions, (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False), (x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), False)]:
        made = made.add_extension(extension, critical)
    return made.sign(ca, hashes.SHA256()).public_bytes(pem)
usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
root = sign("story root", ca, [(x509.BasicConstraints(True, 0), True), (usage, True)])
(folder / "root.crt").write_bytes(root)
for name in names:
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = sign(name, key, [(x509.BasicConstraints(False, None), True), (x509.SubjectAlternativeName([x509.DNSName(name)]), False)])
    (folder / f"{name}.crt").write_bytes(leaf + root)
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, s.PrivateFormat.PKCS8, s.NoEncryption()))
spki = ca.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
print(base64.b64encode(hashlib.sha256(spki).digest()).decode())
`;

/** Certificates for these names. pin: for Chromium's \`--ignore-certificate-errors-spki-list\`. */
export function makeCertificates(folder: string, ...names: string[]): { readonly pin: string } {
  mkdirSync(folder, { recursive: true });
  const printed = execFileSync(join(BIN, "python"), ["-c", MAKE_CERTIFICATES, folder, ...names]);
  return { pin: printed.toString().trim() };
}

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Returns when somebody takes connections on a port of this machine. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on port ${String(port)}`);
}

/** An nginx of its own, in the foreground of a child process. */
export class Edge {
  readonly folder: string;
  private child: ChildProcess | undefined;

  /** http: what stands in its \`http\` block. */
  constructor(folder: string, http: string) {
    this.folder = folder;
    mkdirSync(join(folder, "temp"), { recursive: true });
    const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${join(folder, "temp", name)};`,
    );
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; worker_processes 1; pid ${join(folder, "pid")}; error_log ${join(folder, "error.log")};
      events { worker_connections 512; }
      http { access_log off; ${temp.join(" ")} map $http_upgrade $conn { default upgrade; "" ""; } ${http} }\n`,
    );
  }

  /** A site with TLS that hands everything to another address. */
  static before(
    folder: string,
    certificates: string,
    { name, port, to }: { name: string; port: number; to: string },
  ): Edge {
    return new Edge(
      folder,
      `server {
        listen 127.0.0.1:${String(port)} ssl; server_name ${name};
        ssl_certificate ${join(certificates, `${name}.crt`)}; ssl_certificate_key ${join(certificates, `${name}.key`)};
        location / {
          proxy_pass ${to}; proxy_http_version 1.1; proxy_read_timeout 2m; proxy_set_header Host $http_host;
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $conn; proxy_set_header X-Forwarded-Proto https;
        }
      }`,
    );
  }

  async start(port: number): Promise<void> {
    this.child = spawn(
      NGINX,
      ["-c", join(this.folder, "nginx.conf"), "-p", this.folder, "-e", join(this.folder, "error.log")],
      {
        stdio: ["ignore", "inherit", "inherit"],
      },
    );
    await listening(port);
  }

  /** Every connection breaks, and the port answers nobody any more. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await ended;
  }
}

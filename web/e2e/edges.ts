/**
 * Web servers with TLS in front of a server under test, each a real nginx on a port of its own, and a real bridge.
 *
 * Certificates come from an authority made for the story; Chromium trusts its key, programs its file.
 */
import { type ChildProcess, type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BIN, zajil } from "./programs.ts";
import type { Server } from "./world.ts";

const NGINX = process.env["ZAJIL_NGINX"] ?? "/usr/sbin/nginx";
/** Whether there is a web server to tell such stories with. */
export const hasEdges = existsSync(NGINX);

/** Started by root, workers become somebody who may not enter the story's folder. */
const USER = process.getuid?.() === 0 ? "user root;" : "";

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

/** Certificates for these names. pin: for Chromium's `--ignore-certificate-errors-spki-list`. */
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

/** name: one with a certificate. to: the address behind. */
export interface Site {
  readonly name: string;
  readonly port: number;
  readonly to: string;
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
      `${USER} daemon off; worker_processes 1; pid ${join(folder, "pid")}; error_log ${join(folder, "error.log")};
      events { worker_connections 512; }
      http { include /etc/nginx/mime.types; access_log off; ${temp.join(" ")} ${http} }\n`,
    );
  }

  /** http: what stands in its `http` block. */
  static of(folder: string, http: string): Edge {
    return new Edge(folder, http);
  }

  /** The same, but nothing of the server's below /v1 passes: as where only the page's files are mirrored. */
  static mirror(folder: string, certificates: string, site: Site): Edge {
    return Edge.before(folder, certificates, site, "location /v1/ { return 444; }");
  }

  /** A site with TLS that hands everything to another address. more: what else it says. */
  static before(folder: string, certificates: string, { name, port, to }: Site, more = ""): Edge {
    return new Edge(
      folder,
      `map $http_upgrade $conn { default upgrade; "" ""; }
      server {
        listen 127.0.0.1:${String(port)} ssl; server_name ${name};
        ssl_certificate ${join(certificates, `${name}.crt`)}; ssl_certificate_key ${join(certificates, `${name}.key`)};
        ${more}
        location / {
          proxy_pass ${to}; proxy_http_version 1.1; proxy_read_timeout 2m; proxy_set_header Host $http_host;
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $conn; proxy_set_header X-Forwarded-Proto https;
        }
      }`,
    );
  }

  /** port: one it listens on. */
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

  /** Rewrite the configuration; for the next start. */
  change(edit: (conf: string) => string): void {
    const file = join(this.folder, "nginx.conf");
    writeFileSync(file, edit(readFileSync(file, "utf8")));
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

/** Server blocks of a bridge's nginx as `zajil bridge init` writes them, on a port of this machine. */
const RENDER_EDGE = `
import dataclasses, sys
from pathlib import Path
from zajil.bridges.edge.config import load_config
from zajil.bridges.edge.edges import plan_of, render_edge
config = load_config(Path(sys.argv[1]))
plan = dataclasses.replace(plan_of(config), http_port=None, listen="127.0.0.1", certificate=sys.argv[2], key=sys.argv[3])
print(render_edge("nginx", plan))
`;

/** The line of `zajil bridge up` once it serves. */
const SERVES = /The bridge is up/;

/** A volunteer's bridge to a server: its web server with a made-up site, and `zajil bridge up` behind it. */
export class Bridge {
  readonly name: string;
  readonly port: number;
  private readonly folder: string;
  private readonly edge: Edge;
  private child: ChildProcessByStdio<null, Readable, null> | undefined;

  private constructor(folder: string, edge: Edge, { name, port }: { name: string; port: number }) {
    this.folder = folder;
    this.edge = edge;
    this.name = name;
    this.port = port;
  }

  /** Prepare one that joins this server, for which its operator gives the code. name: one with a certificate. */
  static async prepare(server: Server, folder: string, certificates: string, name: string): Promise<Bridge> {
    const port = await freePort();
    const printed = server.zajil("admin", "bridges", "invite", "--data", server.data, "--json");
    const { code } = JSON.parse(printed) as { code: string };
    const secret = `${folder}.code`;
    writeFileSync(secret, code, { mode: 0o600 });
    const words = ["--domain", name, "--origin", server.url, "--join", secret, "--out", folder, "--yes"];
    server.zajil("bridge", "init", ...words);
    const settings = join(folder, "bridge.toml");
    const place = `port = ${String(port)}\nsocket = "${join(folder, "s.sock")}"\n`;
    writeFileSync(settings, place + readFileSync(settings, "utf8").replace(/^(port|socket) = .*$/gm, ""));
    const files = [join(certificates, `${name}.crt`), join(certificates, `${name}.key`)];
    const site = execFileSync(join(BIN, "python"), ["-c", RENDER_EDGE, settings, ...files]).toString();
    return new Bridge(folder, Edge.of(join(folder, "edge"), site), { name, port });
  }

  /** Returns once it has joined and serves. */
  async start(): Promise<void> {
    const [file, words] = zajil("bridge", "up", "--config", join(this.folder, "bridge.toml"));
    const child = spawn(file, words, {
      env: { ...process.env, LC_ALL: "C", PYTHONUNBUFFERED: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    await this.edge.start(this.port);
    // It says that it joined, the first time, and that it serves.
    for await (const line of createInterface({ input: child.stdout })) if (SERVES.test(line)) break;
    child.stdout.resume();
  }

  /** From now on no upgrade passes, as behind some middle boxes. */
  async stripUpgrades(): Promise<void> {
    await this.edge.stop();
    this.edge.change((conf) =>
      conf.replaceAll(/proxy_set_header (Upgrade|X-Upgrade)[^;]*;/g, 'proxy_set_header $1 "";'),
    );
    await this.edge.start(this.port);
  }

  /** It asks the server which tokens open it once a minute: here and now. */
  async askAgain(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.edge.stop();
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await ended;
  }
}

/** A line to another port of this machine, on which a censor sits: after so many bytes down, a connection goes silent. */
export class Wire {
  freezeBytes = Infinity;
  /** Connections since the start that went silent. */
  frozen = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((client) => this.carry(client));
  private to = 0;

  async start(port: number, to: number): Promise<void> {
    this.to = to;
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await ended;
  }

  private carry(client: Socket): void {
    const server = connect(this.to, "127.0.0.1");
    let down = 0;
    const isSilent = (): boolean => down > this.freezeBytes;
    server.on("data", (data) => {
      if (isSilent()) return;
      client.write(data.subarray(0, this.freezeBytes - down));
      down += data.length;
      if (isSilent()) this.frozen += 1;
    });
    client.on("data", (data) => {
      if (!isSilent()) server.write(data);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}

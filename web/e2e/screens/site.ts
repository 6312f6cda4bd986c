/** The seed build as a website on this machine: files of artifacts/seed over HTTP, and axe beside them. */
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";

const WEB = resolve(import.meta.dirname, "../..");
const GIVEN = process.env["ZAJIL_SEED"];
const FOLDER = GIVEN ?? join(WEB, "artifacts/seed");
const INPUTS = [
  "src",
  "messages",
  "public",
  "build",
  "e2e/seed",
  "index.html",
  "review.html",
  "vite.config.ts",
  "package-lock.json",
];
/** Where axe is: from a URL, so that the browser compiles it once, not on every screen. */
export const AXE = "/axe.js";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

function newest(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Builds the seed where something it is made of is newer; seconds. A folder that was given (ZAJIL_SEED) stays as it is. */
function build(): void {
  const index = join(FOLDER, "index.html");
  const inputs = Math.max(...INPUTS.map((path) => newest(join(WEB, path))));
  if (GIVEN !== undefined || (existsSync(index) && statSync(index).mtimeMs >= inputs)) return;
  const vite = [join(WEB, "node_modules/vite/bin/vite.js"), "build", "--mode", "seed"];
  execFileSync(process.execPath, vite, { cwd: WEB });
  execFileSync(process.execPath, [...vite, "--config", "build/review.config.ts"], { cwd: WEB });
}

/** Starts the site on a free port. */
export async function startSite(): Promise<{ readonly url: string; readonly server: Server }> {
  build();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const name = /^\/[ilgb]?$/.test(path) ? "/index.html" : path === "/review" ? "/review.html" : path;
    const file = path === AXE ? join(WEB, "node_modules/axe-core/axe.min.js") : join(FOLDER, normalize(name));
    if (!(path === AXE || file.startsWith(FOLDER)) || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    // Names of assets carry their hash. The site is new at every run, on a port of its own.
    const kept = path === AXE || path.startsWith("/assets/") ? "public, max-age=3600, immutable" : "no-store";
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "cache-control": kept });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, server };
}

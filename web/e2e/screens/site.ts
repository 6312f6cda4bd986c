/** The seed build as a website on this machine: files of artifacts/seed over HTTP, and nothing else. */
import { createReadStream, existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";

const FOLDER = process.env["ZAJIL_SEED"] ?? resolve(import.meta.dirname, "../../artifacts/seed");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** Starts the site on a free port. Throws where the seed was not built. */
export async function startSite(): Promise<{ readonly url: string; readonly server: Server }> {
  if (!existsSync(join(FOLDER, "index.html"))) throw new Error("build it first: npx vite build --mode seed");
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = join(FOLDER, normalize(path === "/" ? "/index.html" : path));
    if (!file.startsWith(FOLDER) || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, server };
}

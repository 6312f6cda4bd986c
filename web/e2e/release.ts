/** A copy of the whole package, so that a story can serve another build of the client without touching ours. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BIN } from "./programs.ts";

interface Manifest {
  files: { path: string; size: number; sha256: string }[];
}

export class Release {
  /** Environment that makes `zajil` run from the copy. */
  readonly env: Record<string, string>;
  private readonly web: string;

  constructor(folder: string) {
    const found = execFileSync(join(BIN, "python"), ["-c", "import zajil; print(zajil.__file__)"]);
    const source = join(folder, "release");
    mkdirSync(source, { recursive: true });
    cpSync(dirname(found.toString().trim()), join(source, "zajil"), { recursive: true });
    this.web = join(source, "zajil", "server", "web");
    this.env = { PYTHONPATH: source };
  }

  read(path: string): string {
    return readFileSync(join(this.web, path), "utf8");
  }

  /** Paths of all files, as the manifest lists them. */
  files(): string[] {
    return (JSON.parse(this.read("web-manifest.json")) as Manifest).files.map(({ path }) => path);
  }

  /** Change a file of the build. honest: the manifest is written anew, as a build does; else it still tells the old hash. */
  change(path: string, work: (text: string) => string, { honest }: { honest: boolean }): void {
    const text = work(this.read(path));
    writeFileSync(join(this.web, path), text);
    for (const packed of [".br", ".gz"].map((ending) => join(this.web, path + ending)))
      if (existsSync(packed)) rmSync(packed);
    const manifest = JSON.parse(this.read("web-manifest.json")) as Manifest;
    const files = manifest.files.map((file) =>
      file.path === path && honest
        ? { path, size: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") }
        : file,
    );
    // Written last: the server takes a build that has its manifest.
    writeFileSync(join(this.web, "web-manifest.json"), JSON.stringify({ ...manifest, files }));
    for (const ending of [".br", ".gz"]) rmSync(join(this.web, `web-manifest.json${ending}`), { force: true });
  }
}

/** The real server in a process of its own, where the Python part of this repository is installed. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";

const ROOT = resolve(import.meta.dirname, "../../../..");
const PROGRAM = process.env["ZAJIL_COMMAND"] ?? resolve(ROOT, ".venv/bin/zajil");
/** The socket of the fork server in tests/forks, where one runs: its servers begin with everything imported. */
const FORKS = process.env["ZAJIL_FORKS"];
const PYTHON = resolve(ROOT, ".venv/bin/python");
const LAUNCH = ["-I", "-S", resolve(ROOT, "tests/forks/launch.py")];

/** `zajil` with these words: the file to run, and its arguments. */
const zajil = (...words: string[]): [string, string[]] =>
  FORKS === undefined ? [PROGRAM, words] : [PYTHON, [...LAUNCH, FORKS, "zajil", ...words]];

/** Whether it can be started here. */
export const hasServer = existsSync(PROGRAM);

/** Tests do in a minute what people do in weeks. */
const LIMITS = `[limits]
registration = {burst = 1000, every_s = 1}
login = {burst = 1000, every_s = 1}
link_put = {burst = 1000, every_s = 1}
device_list_write = {burst = 1000, every_s = 1}
pass_group = {burst = 1000, every_s = 1}
claim = {burst = 1000, every_s = 1}
backup_new = {burst = 1000, every_s = 1}
seal_prefix = {burst = 1000, every_s = 1}
`;

/** One server on a folder of its own. */
export class ServerProcess {
  url = "";
  readonly data: string;
  readonly #registration: string;
  #process: ChildProcess | undefined;

  /** settings: lines of zajil.toml before its tables. */
  constructor(settings = "", registration = "open") {
    this.#registration = registration;
    this.data = mkdtempSync(resolve(tmpdir(), "zajil-server-"));
    writeFileSync(resolve(this.data, "zajil.toml"), `${settings}\n${LIMITS}`);
  }

  /** Start and wait for its address; again on the same port after an end. */
  async start(): Promise<void> {
    const port = this.url ? new URL(this.url).port : "0";
    const command = zajil("serve", "--data", this.data, "--port", port, "--registration", this.#registration);
    const child = spawn(...command, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PYTHONUNBUFFERED: "1" },
    });
    this.#process = child;
    this.url = await new Promise((found, failed) => {
      let text = "";
      child.stdout.on("data", (data: Buffer) => {
        text += data.toString();
        const address = /listening on (\S+)\s/.exec(text)?.[1];
        if (address !== undefined) found(address);
      });
      child.stderr.on("data", (data: Buffer) => (text += data.toString()));
      child.on("error", failed);
      child.on("exit", (status) => failed(new Error(`the server ended with ${String(status)}: ${text}`)));
    });
  }

  /** End it as a power cut does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null) return;
    // With its output: a fork ends a moment after the child that stands for it.
    const ended = new Promise((resolved) => child.once("close", resolved));
    child.kill("SIGKILL");
    await ended;
  }

  /** What it holds now, into an archive at this path. */
  async backUp(archive: string): Promise<void> {
    await promisify(execFile)(...zajil("backup", archive, "--data", this.data));
  }

  /** It is lost with its folder, and comes back with what the archive holds. */
  async restore(archive: string): Promise<void> {
    await this.remove();
    await promisify(execFile)(...zajil("restore", archive, "--data", this.data));
    await this.start();
  }

  /** End it and remove its folder. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }
}

/** Programs on Python, as a story starts them: by themselves, or from the fork server of tests/forks where one runs. */
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
export const BIN = process.env["ZAJIL_BIN"] ?? join(ROOT, ".venv/bin");
/** The fork server's socket: tests/browser starts one for all stories, since imports are most of what a start costs. */
const FORKS = process.env["ZAJIL_FORKS"];
const LAUNCH = join(ROOT, "tests/forks/launch.py");

/** A command line: the file to run, and its arguments. */
export type Command = readonly [string, string[]];

/** `zajil` with these words. */
export function zajil(...words: string[]): Command {
  return FORKS === undefined ? [join(BIN, "zajil"), words] : fork(FORKS, "zajil", words);
}

/** A script of Python that uses the client. */
export function script(file: string, ...words: string[]): Command {
  return FORKS === undefined ? [join(BIN, "python"), [file, ...words]] : fork(FORKS, file, words);
}

function fork(socket: string, program: string, words: readonly string[]): Command {
  return [join(BIN, "python"), ["-I", "-S", LAUNCH, socket, program, ...words]];
}

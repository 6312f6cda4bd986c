/** What a chunk imports of the runtime it has itself then, under the names it gave them. */
import { expect, test } from "vitest";
import { withRuntime } from "./own-runtime.ts";

const RUNTIME = "var e=a=>a+1,t=a=>a*2;export{e as n,t};";

test("names that stay, and names that change", () => {
  const code = withRuntime(
    'import{n as e,t}from"./rolldown-runtime-DK3Fl9T5.js";import"./other.js";globalThis.told=[e(1),t(4)];',
    RUNTIME,
    "rolldown-runtime-DK3Fl9T5.js",
  );
  expect(code).toContain('import"./other.js"');
  expect(code).not.toContain("rolldown-runtime");
  const told = new Function(`${code.replace('import"./other.js";', "")}return globalThis.told;`) as () => number[];
  expect(told()).toEqual([2, 8]);
});

test("a runtime that is written in another way is a fault", () => {
  expect(() => withRuntime("", "export default 1;", "rolldown-runtime-DK3Fl9T5.js")).toThrow("in another way");
});

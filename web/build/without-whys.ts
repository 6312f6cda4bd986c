/** Leaves out of the shipped worker what errors say to developers: tabs are told codes, and nobody reads the rest. */
import { parseSync, type ESTree, type Plugin, Visitor } from "vite";

const OURS = /import\s*\{[^}]*\berror\b[^}]*\}\s*from\s*"[./\w]*\/errors\.ts"/;
/** `error("code", "words")`, written on one line or on several; calls with more to tell stay whole. */
const CALL = /\berror\(\s*("[a-z-]+"),\s*"(?:[^"\\]|\\.)*",?\s*\)/g;

/** The text of a module with only the codes of its errors. */
export function dropWhys(text: string): string {
  return OURS.test(text) ? text.replace(CALL, "error($1)") : text;
}

/** What the engine looks for in the words of ts-mls, to tell a bad tag from the rest (`core/mls`: rules C7 and W6). */
export const READ = "confirmation tag";

type Arguments = ESTree.NewExpression["arguments"];
/** What is only words: text, or text put together. */
const isWords = (one: Arguments[number] | undefined): boolean =>
  (one?.type === "Literal" && typeof one.value === "string") ||
  one?.type === "TemplateLiteral" ||
  (one?.type === "BinaryExpression" && one.operator === "+");

/** The text with what `find` names of each `new` cut out: how many of its arguments stay, where it is not all. */
function cutNews(text: string, id: string, find: (name: string, args: Arguments) => number): string {
  const cuts: [number, number][] = [];
  const { program, errors } = parseSync(id, text);
  if (errors.length > 0) throw new Error(`${id}: ${errors[0]?.message ?? ""}`);
  new Visitor({
    NewExpression({ callee, arguments: args, end }) {
      const stay = callee.type === "Identifier" ? find(callee.name, args) : args.length;
      if (stay < args.length) cuts.push([args[stay - 1]?.end ?? args[0]?.start ?? end, end - 1]);
    },
  }).visit(program);
  return cuts
    .sort(([one], [other]) => other - one)
    .reduce((left, [from, to]) => left.slice(0, from) + left.slice(to), text);
}

/** The text of a library's module with errors that say nothing. id: its path. */
export function dropLibraryWhys(text: string, id: string): string {
  return cutNews(text, id, (name, args) => {
    const [words] = args;
    const only = name.endsWith("Error") && args.length === 1 && isWords(words);
    return only && !text.slice(words?.start, words?.end).includes(READ) ? 0 : args.length;
  });
}

const CLASSES = /import\s*\{([^}]*)\}\s*from\s*"[./\w]*\/errors\.ts"/g;

/** The text of a module of the MLS wrapper with refusals that name their rule and nothing more. id: its path. */
export function dropRuleWhys(text: string, id: string): string {
  const classes = new Set(
    [...text.matchAll(CLASSES)].flatMap(([, names]) => names?.split(",").map((one) => one.trim())),
  );
  return cutNews(text, id, (name, args) => {
    const stay = name === "Invalid" ? 1 : 0;
    return classes.has(name) && args.length === stay + 1 && isWords(args[stay]) ? stay : args.length;
  });
}

const LIBRARIES = /\/node_modules\/(@hpke|@noble|@msgpack|cborg|idb|mlkem|ts-mls)\/.*\.m?js/;

export function withoutWhys(): Plugin {
  return {
    name: "zajil:without-whys",
    enforce: "pre",
    apply: "build",
    transform(code, id) {
      const [path = id] = id.split("?");
      let shorter = code;
      if (LIBRARIES.test(path)) shorter = dropLibraryWhys(code, path);
      else if (/\/src\/core\/mls\/.*\.ts$/.test(path)) shorter = dropRuleWhys(dropWhys(code), path);
      else if (/\/src\/(core|protocol)\/.*\.ts$/.test(path)) shorter = dropWhys(code);
      return shorter === code ? null : { code: shorter, map: null };
    },
  };
}

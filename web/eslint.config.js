/** Lint rules: types first, and the walls of docs/develop/developing.md that a dependency graph cannot see. */
import svelte from "eslint-plugin-svelte";
import tseslint from "typescript-eslint";

const NO_DEFAULT_EXPORT = { selector: "ExportDefaultDeclaration", message: "Named exports only." };
const NO_ENUM = { selector: "TSEnumDeclaration", message: "Use a union of literals." };
const NO_HTML = {
  selector: "MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]",
  message: "No HTML is ever made from strings.",
};
/** Physical sides break right-to-left screens. */
const NO_PHYSICAL = {
  selector:
    ":matches(Literal, SvelteLiteral)[value=/(^|[\\s:])-?(left|right|ml|mr|pl|pr|border-l|border-r|rounded-l|rounded-r|text-left|text-right)-/]",
  message: "Use logical utilities: start, end, ms, me, ps, pe.",
};

export default tseslint.config(
  { ignores: ["node_modules", "artifacts", "dist", "dev-dist", ".svelte-check"] },
  ...tseslint.configs.strict,
  ...svelte.configs.recommended,
  {
    rules: {
      "no-restricted-syntax": ["error", NO_DEFAULT_EXPORT, NO_ENUM, NO_HTML],
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrorsIgnorePattern: "^_" },
      ],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser, extraFileExtensions: [".svelte"] } },
    rules: {
      "svelte/no-at-html-tags": "error",
      "svelte/no-navigation-without-resolve": "off", // fragments, no router of a framework
      "no-restricted-syntax": ["error", NO_ENUM, NO_HTML, NO_PHYSICAL],
    },
  },
  {
    files: ["src/protocol/**/*.ts"],
    ignores: ["**/*.test.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        "Date",
        "crypto",
        "window",
        "document",
        "self",
        "globalThis",
        "fetch",
        "setTimeout",
        "setInterval",
        "performance",
        "navigator",
        "localStorage",
        "indexedDB",
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Randomness is an argument." },
      ],
    },
  },
  {
    // ts-mls' defaults accept everything (mls.md 9): our wrapper passes its own.
    files: ["src/core/mls/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: [
            {
              name: "ts-mls",
              importNames: [
                "defaultAuthenticationService",
                "acceptAll",
                "defaultClientConfig",
                "defaultLifetime",
                "defaultCapabilities",
              ],
              message: "Accepts everything; pass our own.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["*.config.ts", "*.config.js", "build/*.config.ts", "**/*.d.ts", "e2e/**/*.ts"],
    rules: { "no-restricted-syntax": "off", "no-console": "off" },
  },
);

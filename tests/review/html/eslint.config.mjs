// The linter of the report's scripts, which are one script in the page (`make check`).
const BROWSER =
  "document window history location localStorage navigator Blob Response DecompressionStream " +
  "URL URLSearchParams atob setTimeout clearTimeout requestAnimationFrame scrollTo scrollBy scrollY " +
  "innerHeight innerWidth addEventListener matchMedia CSS Node ResizeObserver getSelection";

export default [
  {
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "script",
      globals: Object.fromEntries(BROWSER.split(" ").map((name) => [name, "readonly"])),
    },
    rules: {
      "array-callback-return": "error",
      curly: "off",
      "consistent-return": "error",
      "default-case-last": "error",
      eqeqeq: "error",
      "no-constant-condition": "error",
      "no-dupe-keys": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-redeclare": "error",
      "no-script-url": "error",
      "no-undef": "error",
      "no-unreachable": "error",
      "no-unsafe-finally": "error",
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "prefer-const": "error",
      "require-await": "error",
      "use-isnan": "error",
      "valid-typeof": "error",
      // Values are strangers' texts: they reach the page by textContent alone.
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "write", "writeln"].map((property) => ({
          property,
        })),
      ],
    },
  },
];

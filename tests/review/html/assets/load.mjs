// The scripts of the HTML report for tests: they share one scope and have no modules of their own.
import { readFileSync } from "node:fs";

const ASSETS = new URL("../../../../reconciler/review/html/assets/", import.meta.url);

// The named functions of some scripts, loaded in the order of the page.
export function load(scripts, names) {
  const source = scripts.map((name) => readFileSync(new URL(`${name}.js`, ASSETS), "utf-8"));
  return new Function(`"use strict";\n${source.join("\n")}\nreturn { ${names.join(", ")} };`)();
}

// An embedded plan of three records: two replace a value in the same way, one loses a key.
export function embedded() {
  return {
    digest: "sha256:0",
    kinds: ["messages", "message_drs"],
    guards: ["max_clears"],
    files: ["manifests/a.yaml", "manifests/billing/b.yaml"],
    owners: [["@org/support"], ["@org/billing"]],
    alike: 1,
    groups: [
      [1, "aaaa", "changes", "change", "drift", 0],
      [2, "bbbb", "removes", "change", "change", 0],
    ],
    variants: [
      [0, [[1, 0, 0, 1, 2, 0]], []],
      [1, [[2, 3, 3, 4, -1, 1]], [0]],
    ],
    records: {
      kind: [0, 0, 1],
      file: [0, 1, 1],
      line: [2, 5, 9],
      variant: [0, 0, 1],
      sid: "097b49dfc54e4eaf97d089cf7d5a655b5b1e6f0a2c1d4e579a83c4f0d7b9e21192cd91542f534e628b4e8ff6e4849d16",
    },
    texts: ["campaign", '"winter"', '"spring (2026)"', "legacy", '"L1"'],
    marks: { 2: "61 characters, abc" },
  };
}

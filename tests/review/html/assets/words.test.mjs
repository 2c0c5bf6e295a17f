// Two texts are told apart word by word, and both can be put together again from their parts.
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { byWords } = load(["words"], ["byWords"]);
const joined = (parts) => parts.map((part) => part.text).join("");
const other = (parts) => parts.filter((part) => !part.same).map((part) => part.text);

test("only the words that differ stand out", () => {
  const [old, now] = byWords('"call back on Monday"', '"call back on Friday"');

  assert.deepEqual(other(old), ["Monday"]);
  assert.deepEqual(other(now), ["Friday"]);
});

test("an escape is one word", () => {
  const [old, now] = byWords('"a\\u200bb"', '"a\\u200cb"');

  assert.deepEqual(other(old), ["\\u200b"]);
  assert.deepEqual(other(now), ["\\u200c"]);
});

test("both texts are whole, whatever they are", () => {
  const alphabet = ["a", "b", " ", "\\n", "\\u200b", "é", "😀", "-", "ab"];
  let seed = 1;
  const next = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 2000; round += 1) {
    const text = () => Array.from({ length: next(12) }, () => alphabet[next(9)]).join("");
    const [before, after] = [text(), text()];
    const [old, now] = byWords(before, after);
    assert.equal(joined(old), before);
    assert.equal(joined(now), after);
    const same = (parts) => joined(parts.filter((part) => part.same));
    assert.equal(same(old), same(now));
  }
});

test("two long texts with nothing in common take no time", () => {
  const [old, now] = byWords("a ".repeat(20_000), "b ".repeat(20_000));

  assert.equal(joined(old).length, 40_000);
  assert.equal(joined(now).length, 40_000);
});

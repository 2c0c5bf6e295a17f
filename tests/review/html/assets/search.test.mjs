// A search finds just the rows that every term of the query matches.
import assert from "node:assert/strict";
import { test } from "node:test";

import { embedded, load } from "./load.mjs";

const { read, parsed } = load(["data", "search"], ["read", "parsed"]);
const { rows } = read(embedded());
const [DR, FIRST, SECOND] = ["message_drs/92cd9154", "messages/097b49df", "messages/5b1e6f0a"];

function found(query, regex = false) {
  const { tests } = parsed(query, regex);
  const matching = rows.filter((row) => tests.every((test) => test(row)));
  return matching.map((row) => row.address.slice(0, row.address.indexOf("/") + 9));
}

const QUERIES = {
  "": [DR, FIRST, SECOND],
  spring: [FIRST, SECOND],
  SPRING: [FIRST, SECOND],
  "spring file:billing": [SECOND],
  "-spring": [DR],
  "op:remove": [DR],
  "op:remove|change": [DR, FIRST, SECOND],
  "effect:removes": [DR],
  "origin:drift": [FIRST, SECOND],
  "key:legacy": [DR],
  "before:winter": [FIRST, SECOND],
  "after:winter": [],
  "owner:@org/billing": [DR, SECOND],
  "kind:message_drs": [DR],
  "group:g1": [FIRST, SECOND],
  "group:bbbb": [DR],
  "guard:max_clears": [DR],
  "changed:1": [DR, FIRST, SECOND],
  "changed:>1": [],
  'value:"spring (2026)"': [FIRST, SECOND],
  "sid:5b1e": [SECOND],
  "097b49df": [FIRST],
  "http:x": [],
  "file:": [DR, FIRST, SECOND],
};

for (const [query, expected] of Object.entries(QUERIES)) {
  test(`the query ${JSON.stringify(query)} finds ${expected.length} records`, () => {
    assert.deepEqual(found(query), expected);
  });
}

test("a regular expression sees each value by itself", () => {
  assert.deepEqual(found("^.spring \\(\\d+\\).$", true), [FIRST, SECOND]);
  assert.deepEqual(found("winter.*spring", true), []);
});

test("a regular expression with an odd escape is read as people mean it", () => {
  assert.deepEqual(found("sprin\\g", true), [FIRST, SECOND]);
});

test("what is no regular expression and no number is an error that says so", () => {
  assert.throws(() => parsed("(", true));
  assert.throws(() => parsed("changed:many", false), /expected a number/);
});

test("the words to mark are those that a record shows, and not those that it must not hold", () => {
  assert.deepEqual(parsed("spring -winter key:Legacy origin:drift", false).words, [
    "spring",
    "legacy",
  ]);
});

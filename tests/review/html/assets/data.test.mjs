// The embedded plan becomes groups and rows in order of address.
import assert from "node:assert/strict";
import { test } from "node:test";

import { embedded, load } from "./load.mjs";

const { read } = load(["data"], ["read"]);

test("rows come in order of address, each with its group, file and owners", () => {
  const { rows } = read(embedded());

  assert.deepEqual(
    rows.map((row) => [row.address, row.group.name, `${row.file}:${row.line}`, row.owners[0]]),
    [
      ["message_drs/92cd9154-2f53-4e62-8b4e-8ff6e4849d16", "G2", "manifests/billing/b.yaml:9", "@org/billing"],
      ["messages/097b49df-c54e-4eaf-97d0-89cf7d5a655b", "G1", "manifests/a.yaml:2", "@org/support"],
      ["messages/5b1e6f0a-2c1d-4e57-9a83-c4f0d7b9e211", "G1", "manifests/billing/b.yaml:5", "@org/billing"],
    ],
  );
});

test("a group counts its records and knows whether it is one of several", () => {
  const { groups } = read(embedded());

  assert.deepEqual(
    groups.map((group) => [group.name, group.count, group.alone, group.effect]),
    [
      ["G1", 2, false, "changes"],
      ["G2", 1, true, "removes"],
    ],
  );
});

test("a key that loses its value counts as removed, and a missing value is null", () => {
  const { rows } = read(embedded());

  assert.deepEqual(rows[0].variant.ops, ["remove"]);
  assert.equal(rows[0].variant.values.length, 2);
});

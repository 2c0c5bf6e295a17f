// A query -> tests of a row. A test that depends only on the variant or on the file runs once for
// each of them, and not for each row.

// Filter -> the values that a row has in it.
const FACETS = {
  effect: (row) => [row.group.effect],
  action: (row) => [row.group.action],
  origin: (row) => [row.group.origin],
  op: (row) => row.variant.ops,
  key: (row) => row.variant.keys,
  kind: (row) => [row.kind],
  owner: (row) => row.owners,
  file: (row) => [row.file],
  group: (row) => [row.group.name],
  guard: (row) => row.variant.guards,
};

// A test whether a value contains a text or matches a pattern, in any case of letters.
function tester(text, regex) {
  if (!regex) {
    const low = text.toLowerCase();
    return (value) => value.toLowerCase().includes(low);
  }
  const pattern = expression(text);
  return (value) => pattern.test(value);
}

// The `u` flag rejects escapes such as `\-` outside a class, which people type: compile it without.
function expression(text) {
  try {
    return new RegExp(text, "iu");
  } catch {
    return new RegExp(text, "i");
  }
}

// `ask` with its answers remembered by `thing(row)`, which must decide them.
function once(ask, thing) {
  const known = new Map();
  return (row) => {
    const of = thing(row);
    let answer = known.get(of);
    if (answer === undefined) known.set(of, (answer = ask(row)));
    return answer;
  };
}

const ofVariant = (ask) => once(ask, (row) => row.variant);
const ofFile = (ask) => once(ask, (row) => row.file);
const someValue = (pick, has) => (row) =>
  row.variant.places.some((place) => pick(place).some((one) => one !== null && has(one)));

// The test of `name:wanted`. Filters match the beginning of a value; `|` or `,` separates choices.
function operator(name, wanted, regex) {
  if (name === "changed") return ofSize(wanted);
  const has = tester(wanted, regex);
  switch (name) {
    case "sid":
      return (row) => has(row.sid) || has(row.address);
    case "value":
      return ofVariant(someValue((place) => [place.before, place.after], has));
    case "before":
      return ofVariant(someValue((place) => [place.before], has));
    case "after":
      return ofVariant(someValue((place) => [place.after], has));
    case "key":
      return ofVariant((row) => row.variant.keys.some(has));
    case "file":
      return ofFile((row) => has(row.file));
    case "owner":
      return ofFile((row) => row.owners.some(has));
    case "group": {
      const same = wanted.toLowerCase();
      return (row) => row.group.name.toLowerCase() === same || row.group.digest === same;
    }
    default: {
      const some = wanted.toLowerCase().split(/[|,]/u).filter(Boolean);
      return (row) =>
        FACETS[name](row).some((one) => some.some((low) => one.toLowerCase().startsWith(low)));
    }
  }
}

// The test of `changed:>1`: by the number of differences.
function ofSize(wanted) {
  const found = /^(>=|<=|>|<|=)?(\d+)$/.exec(wanted);
  if (!found) throw new Error(`changed:${wanted}: expected a number, as in changed:>1`);
  const limit = Number(found[2]);
  const compare =
    {
      ">": (one) => one > limit,
      "<": (one) => one < limit,
      ">=": (one) => one >= limit,
      "<=": (one) => one <= limit,
    }[found[1]] || ((one) => one === limit);
  return (row) => compare(row.variant.places.length);
}

const OPERATORS = new Set([...Object.keys(FACETS), "sid", "value", "before", "after", "changed"]);

// Operators whose text is visible in a row, and is marked there.
const SEEN = new Set(["value", "before", "after", "key", "file", "sid"]);
const TERM = /(-?)(?:([a-zA-Z]+):)?(?:"([^"]*)"?|(\S*))/gu;

// A query such as `spring -op:remove value:"a b"` as `tests`, all of which must pass; `words` to
// mark; and `says`, a test of plain text. `says` is false if plain text cannot answer the query: it
// is empty, or has an exclusion or an operator that is not in SEEN.
function parsed(query, regex) {
  if (regex && query)
    return { tests: [anything(query, true)], words: [], says: tester(query, true) };
  const terms = [...query.matchAll(TERM)].map(term).filter((one) => one.wanted);
  const seen = terms.filter(({ operated, minus }) => !minus && (!operated || SEEN.has(operated)));
  const sought = seen.map(({ wanted }) => wanted.toLowerCase());
  return {
    tests: terms.map(({ operated, wanted, minus }) => {
      const ask = operated ? operator(operated, wanted, false) : anything(wanted, false);
      return minus ? (row) => !ask(row) : ask;
    }),
    words: sought,
    says:
      sought.length > 0 &&
      sought.length === terms.length &&
      ((text) => saysAll(text.toLowerCase(), sought)),
  };
}

const saysAll = (low, all) => all.every((word) => low.includes(word));

// A term of a query. An unknown operator is a plain word. A known one without a value is still
// being typed: `parsed` drops it.
function term([, minus, name = "", quoted, bare]) {
  const value = quoted === undefined ? bare : quoted;
  const operated = OPERATORS.has(name.toLowerCase()) ? name.toLowerCase() : "";
  return { minus, operated, wanted: name && !operated ? `${name}:${value}` : value };
}

// The test of a term without an operator: keys, values, name of the group, file, owners, address.
function anything(wanted, regex) {
  const has = tester(wanted, regex);
  const low = wanted.toLowerCase();
  const inVariant = ofVariant(
    (row) =>
      (regex ? row.variant.values.some(has) : row.variant.text.includes(low)) ||
      row.group.name.toLowerCase() === low,
  );
  const inFile = ofFile((row) => has(row.file) || row.owners.some(has));
  return (row) =>
    inVariant(row) || inFile(row) || (regex ? has(row.address) : row.address.includes(low));
}

// The embedded JSON (search_data.py) -> groups and rows, as all other parts use them.

const OPS = ["add", "replace", "remove"];
const OP_WORDS = { add: "add", replace: "change", remove: "remove" };

const $ = (id) => document.getElementById(id);

// The embedded JSON, parsed; a large plan is embedded as base64 of gzip.
async function unpacked() {
  const embedded = $("plan");
  if (!embedded.dataset.packed) return JSON.parse(embedded.textContent);
  const bytes = Uint8Array.from(atob(embedded.textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// Text -> its length and hash, shown beside a part of it to distinguish it from similar texts.
const marks = new Map();

// `{ digest, groups, rows }`, rows in order of address. A row is a record; its variant holds the
// differences (`places`) that it shares with all records with equal changes.
function read(data) {
  for (const [at, mark] of Object.entries(data.marks)) marks.set(data.texts[at], mark);
  const text = (at) => (at < 0 ? null : data.texts[at]);
  const groups = data.groups.map(([name, digest, effect, action, origin, released]) => ({
    name: `G${name}`,
    alone: name > data.alike,
    digest,
    effect,
    action,
    origin,
    released: Boolean(released),
    variants: [],
    count: 0,
  }));
  const variants = data.variants.map(([group, places, guards]) => ({
    group: groups[group],
    guards: guards.map((at) => data.guards[at]),
    places: places.map(([op, key, name, before, after, loses]) => ({
      op: OPS[op],
      key: text(key),
      name: text(name),
      before: text(before),
      after: text(after),
      worst: loses ? "remove" : OPS[op],
    })),
  }));
  for (const variant of variants) {
    variant.group.variants.push(variant);
    variant.keys = [...new Set(variant.places.map((place) => place.key))];
    variant.ops = [...new Set(variant.places.map((place) => OP_WORDS[place.worst]))];
    const values = variant.places.flatMap((place) => [place.name, place.before, place.after]);
    variant.values = values.filter((one) => one !== null);
    variant.text = variant.values.join("\n").toLowerCase();
  }
  const { kind, file, line, variant, sid } = data.records;
  const rows = kind.map((of, at) => {
    const hex = sid.slice(at * 32, at * 32 + 32);
    const dashed = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    const of_variant = variants[variant[at]];
    of_variant.group.count += 1;
    return {
      at,
      kind: data.kinds[of],
      sid: dashed,
      address: `${data.kinds[of]}/${dashed}`,
      file: data.files[file[at]],
      owners: data.owners[file[at]],
      line: line[at],
      variant: of_variant,
      group: of_variant.group,
    };
  });
  for (const group of groups) group.rows = [];
  for (const row of rows) row.group.rows.push(row);
  for (const group of groups)
    group.rows.sort((one, other) => (one.address < other.address ? -1 : 1));
  rows.sort((one, other) => (one.address < other.address ? -1 : 1));
  return { digest: data.digest, groups, rows };
}

// Records found -> a table by file or by key, sorted by any column.

const MOST_TABLE_ROWS = 2000;

// View -> the column that it is sorted by, and 1 for ascending or -1 for descending.
const sorted = { files: ["records", -1], keys: ["records", -1] };

// The view `files` counts records by the worst effect on each; `keys` counts differences.
function table(view) {
  const isFiles = view === "files";
  const rows = new Map();
  for (const row of found) {
    for (const [name, what] of isFiles
      ? [[row.file, row.group.effect]]
      : row.variant.places.map((place) => [place.key, place.worst])) {
      const known = rows.get(name) || {
        name,
        records: 0,
        removes: 0,
        changes: 0,
        adds: 0,
        owners: row.owners,
      };
      rows.set(name, known);
      known.records += 1;
      known[{ remove: "removes", replace: "changes", add: "adds" }[what] || what] += 1;
    }
  }
  const [by, way] = sorted[view];
  const ordered = [...rows.values()].sort((one, other) =>
    one[by] < other[by] ? -way : one[by] > other[by] ? way : one.name < other.name ? -1 : 1,
  );
  const made = element("table");
  const head = element("tr");
  const columns = [
    ["name", isFiles ? "file" : "key"],
    ["records", isFiles ? "records" : "differences"],
    ["removes", "− lose data"],
    ["changes", "~ replaced"],
    ["adds", "+ added to"],
  ];
  for (const [column, title] of columns) {
    const cell = element("th", column === "name" ? "" : "n");
    cell.scope = "col";
    cell.setAttribute("aria-sort", column !== by ? "none" : way > 0 ? "ascending" : "descending");
    cell.append(
      button(`${title}${column !== by ? "" : way > 0 ? " ▲" : " ▼"}`, () => {
        sorted[view] = [column, column === by ? -way : column === "name" ? 1 : -1];
        render();
        $("results").querySelector(`[data-column=${column}]`).focus();
      }),
    );
    cell.firstChild.dataset.column = column;
    head.append(cell);
  }
  if (isFiles) {
    const cell = element("th", "", "owners");
    cell.scope = "col";
    head.append(cell);
  }
  const top = element("thead");
  top.append(head);
  const body = element("tbody");
  for (const each of ordered.slice(0, MOST_TABLE_ROWS)) {
    const line = element("tr");
    const name = element("td");
    name.append(
      button(
        "",
        () => {
          pick(isFiles ? "file" : "key", each.name);
          state.view = "records";
          visit();
        },
        "link",
      ),
    );
    name.firstChild.append(code(each.name));
    line.append(
      name,
      ...["records", "removes", "changes", "adds"].map((column) =>
        element("td", "n", number(each[column])),
      ),
    );
    if (isFiles) line.append(element("td", "", each.owners.join(", ")));
    body.append(line);
  }
  made.append(top, body);
  const scroll = element("div", "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", isFiles ? "Files" : "Keys");
  scroll.append(made);
  if (ordered.length > MOST_TABLE_ROWS)
    scroll.append(
      element(
        "p",
        "empty",
        `and ${number(ordered.length - MOST_TABLE_ROWS)} more: search for them`,
      ),
    );
  return scroll;
}

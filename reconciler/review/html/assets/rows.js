// A group or a record -> an item of the list, closed or open.

const MOST_MEMBERS = 20; // records listed in an open group; a button shows all of them

// The first line of an item: checkbox, button that opens it, and two empty columns to fill.
function frame(name, isDone, tick, isOpen, toggle) {
  const line = element("div", "line");
  const box = element("input", "tick");
  box.type = "checkbox";
  box.checked = isDone;
  box.setAttribute("aria-label", `reviewed: ${name}`);
  box.addEventListener("change", () => tick(box.checked));
  const button_ = button(isOpen ? "▾" : "▸", toggle, "toggle");
  button_.setAttribute("aria-expanded", isOpen);
  button_.setAttribute("aria-label", `${name}: details`);
  const what = element("div", "what");
  const side = element("div", "side");
  line.append(box, button_, what, side);
  return { line, what, side };
}

function drawGroup(group, at, item) {
  const open = opened.has(groupOpen(group));
  const some = ticked(group);
  const isDone = some === group.count;
  item.classList.toggle("done", isDone);
  const { line, what, side } = frame(
    group.name,
    isDone,
    (on) => tickGroup(group, on, at),
    open,
    () => toggle(groupOpen(group), at),
  );
  line.firstChild.indeterminate = some > 0 && !isDone;
  const title = element("div", "title");
  const many =
    group.matches === group.count
      ? records(group.count)
      : `${number(group.matches)} of ${records(group.count)}`;
  title.append(
    element("b", "", group.name),
    group.count === 1 ? code(group.rows[0].address) : element("span", "", many),
  );
  what.append(title);
  const diffs = element("div", "diffs");
  const exact = group.variants.length === 1;
  const shown = open && exact ? [] : summary(group); // groupDetails shows them in full
  for (const one of shown.slice(0, open ? shown.length : 4)) diffs.append(one);
  if (!open && shown.length > 4)
    diffs.append(element("span", "where", `and ${moreKeys(shown.length - 4)}`));
  what.append(diffs);
  const files = new Set(group.rows.map((row) => row.file)).size;
  side.append(
    badge(group.effect),
    badge(`origin: ${group.origin}`, group.origin),
    ...(group.released ? [badge("removed from git", "drift")] : []),
    element("span", "", files === 1 ? "1 file" : `${number(files)} files`),
  );
  if (!open) return line;
  const all = document.createDocumentFragment();
  all.append(line, groupDetails(group));
  return all;
}

// The changes of a group, key by key; a key with different values shows how many there are.
function summary(group) {
  if (group.variants.length === 1) return group.variants[0].places.map(shortDiff);
  const keys = new Map();
  for (const variant of group.variants) {
    for (const place of variant.places) {
      const id = `${place.op}\n${place.key}`;
      const known = keys.get(id) || { place, values: new Set() };
      keys.set(id, known);
      known.values.add(`${place.before}\n${place.after}`);
    }
  }
  return [...keys.values()].map(({ place, values }) => {
    if (values.size === 1) return shortDiff(place);
    const line = element("span", `diff ${place.op}`);
    line.append(
      element("span", "sign", SIGNS[place.op]),
      code(place.key),
      element("span", "where", `${number(values.size)} different values`),
    );
    return line;
  });
}

// The open part of a group: its differences, its first records, and buttons.
function groupDetails(group) {
  const more = element("div", "more");
  const exact = group.variants.length === 1;
  if (exact) wholeDiffs(group.variants[0].places, more);
  const rows = found.filter((row) => row.group === group).slice(0, MOST_MEMBERS);
  const names = element("ul", "members");
  for (const row of rows) {
    const entry = element("li");
    const to = element("a");
    to.href = `#${linkTo(row)}`;
    to.append(code(row.address));
    entry.append(to, " ", element("span", "where", `${row.file}:${row.line}`));
    if (!exact)
      for (const place of row.variant.places) entry.append(element("br"), shortDiff(place));
    names.append(entry);
  }
  more.append(names);
  const buttons = element("div", "buttons");
  if (group.matches > rows.length)
    buttons.append(
      button(`All ${records(group.matches)}`, () => {
        pick("group", group.name);
        state.view = "records";
        visit();
        scrollTo({ top: 0 });
      }),
    );
  buttons.append(
    button("Copy link", (from) => copy(here(`g=${group.name}&gd=${group.digest}`), from)),
    button("Copy SIDs", (from) =>
      copy(
        found
          .filter((row) => row.group === group)
          .map((row) => row.sid)
          .join("\n"),
        from,
      ),
    ),
  );
  more.append(buttons);
  return more;
}

function drawRow(row, at, item) {
  const open = opened.has(rowId(row));
  item.classList.toggle("done", reviewed(row));
  const { line, what, side } = frame(
    row.address,
    reviewed(row),
    (on) => tickRow(row, on, at),
    open,
    () => toggle(rowId(row), at),
  );
  const title = element("div", "title");
  title.append(code(row.address));
  what.append(title, code(`${row.file}:${row.line}`, "div"));
  what.lastChild.className = "where";
  side.append(
    badge(row.group.effect),
    badge(`origin: ${row.group.origin}`, row.group.origin),
    ...(row.group.released ? [badge("removed from git", "drift")] : []),
    badge(row.group.name, "group"),
  );
  if (!open) {
    const diffs = element("div", "diffs");
    for (const place of row.variant.places.slice(0, 3)) diffs.append(shortDiff(place));
    if (row.variant.places.length > 3)
      diffs.append(element("span", "where", `and ${moreKeys(row.variant.places.length - 3)}`));
    what.append(diffs);
    return line;
  }
  const more = element("div", "more");
  wholeDiffs(row.variant.places, more);
  const buttons = element("div", "buttons");
  buttons.append(
    button("Copy link", (from) => copy(here(linkTo(row)), from)),
    button("Copy markdown link", (from) =>
      copy(`[${span(row.address)}](${here(linkTo(row))})`, from),
    ),
    button("Copy SID", (from) => copy(row.sid, from)),
    button("Copy --target", (from) => copy(`--target ${row.address}`, from)),
    button(`Its group ${row.group.name}`, () => {
      state.view = "groups";
      state.picked = {};
      state.q = "";
      opened.add(groupOpen(row.group));
      sync();
      render();
      list.go(shownGroups.indexOf(row.group));
    }),
  );
  more.append(buttons);
  const all = document.createDocumentFragment();
  all.append(line, more);
  return all;
}

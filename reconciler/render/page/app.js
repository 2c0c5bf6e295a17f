// What is looked at is in the address, so that it can be sent to somebody.

const VIEWS = ["groups", "records", "files", "keys"];
const MOST_MEMBERS = 20; // named in an opened group; all of them are a click away
const MOST_TABLE_ROWS = 2000;
const MOST_FACET_VALUES = 12;
const MOST_MARKDOWN_ROWS = 500;

function start(plan) {
  const state = { view: "groups", q: "", regex: false, picked: {}, theme: "" };
  const opened = new Set();
  const store = `reconciler:${plan.digest}`;
  const done = new Set(remembered(store));
  let found = plan.rows;
  let list = null;
  let shownGroups = [];
  let sorted = { files: ["records", -1], keys: ["records", -1] };

  function remembered(name) {
    try { return JSON.parse(localStorage.getItem(name) || "[]"); } catch { return []; }
  }

  function remember() {
    try { localStorage.setItem(store, JSON.stringify([...done])); } catch { /* a page without a store still works */ }
  }

  const groupId = (group) => `g:${group.digest}:${group.name}`;
  const rowId = (row) => `r:${row.address}`;
  const reviewed = (row) => done.has(rowId(row)) || done.has(groupId(row.group));

  // ---- what is found ----

  // The test of each facet in use; a record that fails just one still counts in that one's list.
  function search() {
    let query;
    try {
      query = parsed(state.q, state.regex);
      banner("");
    } catch (error) {
      banner(error.message);
      return;
    }
    words = query.words;
    const picks = Object.entries(state.picked).filter(([, values]) => values.size);
    const counts = Object.fromEntries(Object.keys(FACETS).map((name) => [name, new Map()]));
    const names = Object.keys(FACETS);
    found = [];
    for (const row of plan.rows) {
      if (!query.tests.every((test) => test(row))) continue;
      const failed = picks.filter(([name, values]) => !FACETS[name](row).some((one) => values.has(one)));
      if (failed.length > 1) continue;
      if (!failed.length) found.push(row);
      for (const name of failed.length ? [failed[0][0]] : names) {
        for (const one of FACETS[name](row)) counts[name].set(one, (counts[name].get(one) || 0) + 1);
      }
    }
    facets(counts);
  }

  function facets(counts) {
    const into = $("facet-list");
    const active = document.activeElement?.dataset?.facet;
    into.replaceChildren();
    for (const [name, values] of Object.entries(counts)) {
      const picked = state.picked[name] || new Set();
      for (const one of picked) if (!values.has(one)) values.set(one, 0);
      if (values.size < 2 && !picked.size) continue;
      const ordered = [...values].sort((one, other) => picked.has(other[0]) - picked.has(one[0]) || other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
      const set = element("fieldset");
      set.append(element("legend", "", name));
      for (const [one, count] of ordered.slice(0, MOST_FACET_VALUES)) set.append(choice(name, one, count, picked.has(one)));
      if (ordered.length > MOST_FACET_VALUES) set.append(element("small", "where", `and ${number(ordered.length - MOST_FACET_VALUES)} more: search ${name}:…`));
      into.append(set);
    }
    if (active) [...into.querySelectorAll("input")].find((one) => one.dataset.facet === active)?.focus();
  }

  function choice(name, one, count, picked) {
    const label = element("label");
    const box = element("input");
    box.type = "checkbox";
    box.checked = picked;
    box.dataset.facet = `${name}=${one}`;
    box.addEventListener("change", () => { pick(name, one, box.checked); render(); });
    label.append(box, element("span", "", one), element("b", "", number(count)));
    return label;
  }

  function pick(name, one, on = true) {
    const values = state.picked[name] || (state.picked[name] = new Set());
    if (on) values.add(one);
    else values.delete(one);
  }

  function banner(text) {
    $("banner").hidden = !text;
    $("banner").textContent = text;
  }

  // ---- views ----

  function render() {
    search();
    const groups = new Map();
    for (const row of found) groups.set(row.group, (groups.get(row.group) || 0) + 1);
    shownGroups = plan.groups.filter((group) => groups.has(group));
    for (const group of shownGroups) group.matches = groups.get(group);
    $("count").textContent = found.length === plan.rows.length
      ? `${records(found.length)} in ${number(plan.groups.length)} ${plan.groups.length === 1 ? "group" : "groups"}`
      : `${number(found.length)} of ${records(plan.rows.length)}, ${number(shownGroups.length)} ${shownGroups.length === 1 ? "group" : "groups"}`;
    for (const each of document.querySelectorAll("[data-view]")) each.setAttribute("aria-current", each.dataset.view === state.view);
    const into = $("results");
    list = null;
    if (!found.length) into.replaceChildren(element("p", "empty", "Nothing matches. Esc clears the search."));
    else if (state.view === "groups") list = new Windowed(into, shownGroups, drawGroup, 66, (group) => `o:${group.digest}`);
    else if (state.view === "records") list = new Windowed(into, found, drawRow, 66, rowId);
    else into.replaceChildren(table(state.view));
    progress();
    link();
  }

  function progress() {
    const groups = plan.groups.filter((group) => done.has(groupId(group)) || group.rows.every((row) => done.has(rowId(row)))).length;
    const rows = plan.rows.filter(reviewed).length;
    $("progress").textContent = `Reviewed: ${number(groups)} of ${number(plan.groups.length)} groups, ${number(rows)} of ${records(plan.rows.length)}`;
  }

  function frame(id, name, isDone, tick, isOpen, toggle) {
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
    const open = opened.has(list ? list.open(group) : `o:${group.digest}`);
    const isDone = done.has(groupId(group));
    item.classList.toggle("done", isDone);
    const { line, what, side } = frame(groupId(group), group.name, isDone, (on) => tickGroup(group, on, at), open, () => toggle(`o:${group.digest}`, at));
    const title = element("div", "title");
    title.append(element("b", "", group.name), element("span", "", group.matches === group.count ? records(group.count) : `${number(group.matches)} of ${records(group.count)}`));
    what.append(title);
    const diffs = element("div", "diffs");
    const exact = group.variants.length === 1;
    const shown = open && exact ? [] : summary(group); // opened, it is told whole
    for (const one of shown.slice(0, open ? shown.length : 4)) diffs.append(one);
    if (!open && shown.length > 4) diffs.append(element("span", "where", `and ${shown.length - 4} more keys`));
    what.append(diffs);
    const files = new Set(group.rows.map((row) => row.file)).size;
    side.append(badge(group.effect), badge(`origin: ${group.origin}`, group.origin), ...(group.released ? [badge("left git", "drift")] : []), element("span", "", files === 1 ? "1 file" : `${number(files)} files`));
    if (!open) return line;
    const all = document.createDocumentFragment();
    all.append(line, groupDetails(group));
    return all;
  }

  // What a group does, key by key; of values that are not the same, how many there are.
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
      line.append(element("span", "sign", SIGNS[place.op]), code(place.key), element("span", "where", `${number(values.size)} different values`));
      return line;
    });
  }

  function groupDetails(group) {
    const more = element("div", "more");
    const exact = group.variants.length === 1;
    if (exact) for (const place of group.variants[0].places) more.append(wholeDiff(place));
    const rows = found.filter((row) => row.group === group).slice(0, MOST_MEMBERS);
    const names = element("ul", "members");
    for (const row of rows) {
      const entry = element("li");
      const to = element("a");
      to.href = `#view=records&sid=${row.sid}`;
      to.append(code(row.address));
      entry.append(to, " ", element("span", "where", `${row.file}:${row.line}`));
      if (!exact) for (const place of row.variant.places) entry.append(element("br"), shortDiff(place));
      names.append(entry);
    }
    more.append(names);
    const buttons = element("div", "buttons");
    if (group.matches > rows.length) buttons.append(button(`All ${records(group.matches)}`, () => { pick("group", group.name); state.view = "records"; render(); scrollTo({ top: 0 }); }));
    buttons.append(button("Copy link", (from) => copy(here(`g=${group.name}&gd=${group.digest}`), from)), button("Copy SIDs", (from) => copy(group.rows.map((row) => row.sid).join("\n"), from)));
    more.append(buttons);
    return more;
  }

  function drawRow(row, at, item) {
    const open = opened.has(rowId(row));
    item.classList.toggle("done", reviewed(row));
    const { line, what, side } = frame(rowId(row), row.address, reviewed(row), (on) => tickRow(row, on, at), open, () => toggle(rowId(row), at));
    const title = element("div", "title");
    title.append(code(row.address));
    what.append(title, code(`${row.file}:${row.line}`, "div"));
    what.lastChild.className = "where";
    side.append(badge(row.group.action), badge(`origin: ${row.group.origin}`, row.group.origin), badge(row.group.name, "group"));
    if (!open) {
      const diffs = element("div", "diffs");
      for (const place of row.variant.places.slice(0, 3)) diffs.append(shortDiff(place));
      if (row.variant.places.length > 3) diffs.append(element("span", "where", `and ${row.variant.places.length - 3} more keys`));
      what.append(diffs);
      return line;
    }
    const more = element("div", "more");
    for (const place of row.variant.places) more.append(wholeDiff(place));
    const buttons = element("div", "buttons");
    buttons.append(
      button("Copy link", (from) => copy(here(`sid=${row.sid}`), from)),
      button("Copy markdown link", (from) => copy(`[${span(row.address)}](${here(`sid=${row.sid}`)})`, from)),
      button("Copy SID", (from) => copy(row.sid, from)),
      button("Copy --target", (from) => copy(`--target ${row.address}`, from)),
      button(`Its group ${row.group.name}`, () => { state.view = "groups"; state.picked = {}; state.q = ""; opened.add(`o:${row.group.digest}`); sync(); render(); list.go(shownGroups.indexOf(row.group)); }),
    );
    more.append(buttons);
    const all = document.createDocumentFragment();
    all.append(line, more);
    return all;
  }

  function toggle(id, at) {
    if (!opened.delete(id)) opened.add(id);
    list.again(at);
    list.go(at);
  }

  function tickGroup(group, on, at) {
    if (on) done.add(groupId(group));
    else {
      done.delete(groupId(group));
      for (const row of group.rows) done.delete(rowId(row));
    }
    remember();
    progress();
    list.again(at);
  }

  function tickRow(row, on, at) {
    if (on) done.add(rowId(row));
    else {
      // One of a group that was ticked whole: the others stay ticked.
      if (done.delete(groupId(row.group))) for (const other of row.group.rows) done.add(rowId(other));
      done.delete(rowId(row));
    }
    remember();
    progress();
    list.again(at);
  }

  function table(view) {
    const isFiles = view === "files";
    const rows = new Map();
    for (const row of found) {
      for (const [name, what] of isFiles ? [[row.file, row.group.effect]] : row.variant.places.map((place) => [place.key, place.op])) {
        const known = rows.get(name) || { name, records: 0, removes: 0, changes: 0, adds: 0, owners: row.owners };
        rows.set(name, known);
        known.records += 1;
        known[{ remove: "removes", replace: "changes", add: "adds" }[what] || what] += 1;
      }
    }
    const [by, way] = sorted[view];
    const ordered = [...rows.values()].sort((one, other) => (one[by] < other[by] ? -way : one[by] > other[by] ? way : one.name < other.name ? -1 : 1));
    const made = element("table");
    const head = element("tr");
    const columns = [["name", isFiles ? "file" : "key"], ["records", isFiles ? "records" : "places"], ["removes", "− removes"], ["changes", "~ changes"], ["adds", "+ adds"]];
    for (const [column, title] of columns) {
      const cell = element("th", column === "name" ? "" : "n");
      cell.scope = "col";
      cell.setAttribute("aria-sort", column !== by ? "none" : way > 0 ? "ascending" : "descending");
      cell.append(button(`${title}${column !== by ? "" : way > 0 ? " ▲" : " ▼"}`, () => { sorted[view] = [column, column === by ? -way : column === "name" ? 1 : -1]; render(); }));
      head.append(cell);
    }
    if (isFiles) { const cell = element("th", "", "owners"); cell.scope = "col"; head.append(cell); }
    const top = element("thead");
    top.append(head);
    const body = element("tbody");
    for (const each of ordered.slice(0, MOST_TABLE_ROWS)) {
      const line = element("tr");
      const name = element("td");
      name.append(button("", () => { pick(isFiles ? "file" : "key", each.name); state.view = "records"; render(); }, "link"));
      name.firstChild.append(code(each.name));
      line.append(name, ...["records", "removes", "changes", "adds"].map((column) => element("td", "n", number(each[column]))));
      if (isFiles) line.append(element("td", "", each.owners.join(", ")));
      body.append(line);
    }
    made.append(top, body);
    const scroll = element("div", "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", isFiles ? "Files" : "Keys");
    scroll.append(made);
    if (ordered.length > MOST_TABLE_ROWS) scroll.append(element("p", "empty", `and ${number(ordered.length - MOST_TABLE_ROWS)} more: search for them`));
    return scroll;
  }

  // ---- copying ----

  // A code span of markdown that nothing in the text can end.
  function span(text) {
    const longest = Math.max(0, ...(text.match(/`+/gu) || []).map((run) => run.length));
    const fence = "`".repeat(longest + 1);
    const pad = /^[` ]|[` ]$/u.test(text) ? " " : "";
    return `${fence}${pad}${text.replaceAll("|", "\\|")}${pad}${fence}`;
  }

  function asMarkdown() {
    const lines = ["| record | change | origin | where |", "|---|---|---|---|"];
    for (const row of found.slice(0, MOST_MARKDOWN_ROWS)) {
      const changes = row.variant.places.map((place) => `${SIGNS[place.op]} ${span(place.name)}: ${[place.before, place.after].filter((one) => one !== null).map((one) => span(clipped(one))).join(" → ")}`);
      lines.push(`| ${span(row.address)} | ${changes.join("; ")} | ${row.group.origin} | ${span(`${row.file}:${row.line}`)} |`);
    }
    if (found.length > MOST_MARKDOWN_ROWS) lines.push("", `... and ${number(found.length - MOST_MARKDOWN_ROWS)} more`);
    return `${lines.join("\n")}\n`;
  }

  function download() {
    const rows = found.map((row) => ({ address: row.address, file: row.file, line: row.line, group: row.group.name, action: row.group.action, origin: row.group.origin, places: row.variant.places.map(({ op, name, before, after }) => ({ op, name, before, after })) }));
    const to = element("a");
    to.href = URL.createObjectURL(new Blob([JSON.stringify(rows, null, 1)], { type: "application/json" }));
    to.download = "plan-records.json";
    to.click();
    URL.revokeObjectURL(to.href);
  }

  // ---- the address ----

  const here = (fragment) => `${location.href.split("#")[0]}#${fragment}`;

  function link() {
    const fragment = new URLSearchParams();
    if (state.q) fragment.set("q", state.q);
    if (state.regex) fragment.set("regex", "1");
    if (state.view !== "groups") fragment.set("view", state.view);
    for (const [name, values] of Object.entries(state.picked)) for (const one of values) fragment.append(name, one);
    if (state.theme) fragment.set("theme", state.theme);
    try { history.replaceState(null, "", `#${fragment}`); } catch { /* some hosts show it in a frame without an address */ }
  }

  function follow() {
    const raw = location.hash.slice(1);
    if (raw && !raw.includes("=")) {
      const plain = { removals: () => { state.picked = { effect: new Set(["removes"]) }; state.view = "records"; } }[raw];
      if (plain) plain();
      sync();
      render();
      $(raw)?.scrollIntoView();
      return;
    }
    const given = new URLSearchParams(raw);
    const sid = given.get("sid")?.toLowerCase();
    const group = plan.groups.find((one) => one.digest === given.get("gd")) || plan.groups.find((one) => one.name === given.get("g"));
    state.q = given.get("q") || "";
    state.regex = given.get("regex") === "1";
    state.theme = ["light", "dark"].includes(given.get("theme")) ? given.get("theme") : state.theme;
    state.picked = {};
    for (const name of Object.keys(FACETS)) for (const one of given.getAll(name)) pick(name, one);
    const line = given.get("L");
    state.view = VIEWS.includes(given.get("view")) ? given.get("view") : sid || given.has("file") || given.has("key") || given.has("owner") ? "records" : "groups";
    sync();
    const wanted = sid ? plan.rows.filter((row) => row.sid === sid && (!given.has("kind") || row.kind === given.get("kind")))
      : line ? found.concat(plan.rows).filter((row) => row.file === given.get("file") && row.line === Number(line)).slice(0, 1) : [];
    for (const row of wanted) opened.add(rowId(row));
    if (group) opened.add(`o:${group.digest}`);
    render();
    if (wanted.length) list?.go(found.indexOf(wanted[0]));
    else if (sid || line) banner(sid ? `${sid} is not in this plan.` : `No change at line ${line} of ${given.get("file")} is in this plan.`);
    else if (group) list?.go(shownGroups.indexOf(group));
    else if (given.has("g") || given.has("gd")) banner("That group is not in this plan.");
  }

  function sync() {
    $("q").value = state.q;
    $("regex").checked = state.regex;
    themed();
  }

  function themed() {
    if (state.theme) document.documentElement.dataset.theme = state.theme;
    else delete document.documentElement.dataset.theme;
    $("theme").textContent = `Theme: ${state.theme || "auto"}`;
  }

  // ---- keys and buttons ----

  let lastKey = "";

  const KEYS = {
    "/": () => $("q").focus(),
    j: () => list?.go(Math.min(list.current + 1, list.items.length - 1)),
    k: () => list?.go(Math.max(list.current - 1, 0)),
    o: () => list && list.current >= 0 && toggle(list.open(list.items[list.current]), list.current),
    x: () => list && list.current >= 0 && (state.view === "groups"
      ? tickGroup(list.items[list.current], !done.has(groupId(list.items[list.current])), list.current)
      : tickRow(list.items[list.current], !reviewed(list.items[list.current]), list.current)),
    e: () => everything(true),
    c: () => everything(false),
    "?": () => $("help").showModal(),
    g: () => { if (lastKey === "g") { scrollTo({ top: 0 }); list?.go(0); } },
  };
  VIEWS.forEach((view, at) => { KEYS[at + 1] = () => { state.view = view; render(); }; });

  function everything(open) {
    if (!list) return;
    for (const item of list.items) {
      if (open) opened.add(list.open(item));
      else opened.delete(list.open(item));
    }
    list.all();
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=search], textarea, select");
    if (event.key === "Escape" && typing) {
      if (state.q) { state.q = ""; sync(); render(); } else event.target.blur();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && !$("help").open && Object.hasOwn(KEYS, event.key)) {
      event.preventDefault();
      KEYS[event.key]();
      lastKey = lastKey === "g" ? "" : event.key;
    }
  });
  $("q").addEventListener("input", () => { state.q = $("q").value; render(); });
  $("regex").addEventListener("change", () => { state.regex = $("regex").checked; render(); });
  for (const each of document.querySelectorAll("[data-view]")) each.addEventListener("click", () => { state.view = each.dataset.view; render(); });
  $("theme").addEventListener("click", () => { state.theme = { "": "dark", dark: "light", light: "" }[state.theme]; themed(); link(); });
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("layout").addEventListener("click", () => {
    const beside = $("results").classList.toggle("beside");
    $("layout").setAttribute("aria-pressed", beside);
    list?.all();
  });
  $("expand").addEventListener("click", () => everything(true));
  $("collapse").addEventListener("click", () => everything(false));
  $("copy-sids").addEventListener("click", () => copy(found.map((row) => row.sid).join("\n"), $("copy-sids")));
  $("copy-targets").addEventListener("click", () => copy(`reconciler apply ${found.map((row) => `--target ${row.address}`).join(" ")}`, $("copy-targets")));
  $("copy-markdown").addEventListener("click", () => copy(asMarkdown(), $("copy-markdown")));
  $("download").addEventListener("click", download);
  addEventListener("hashchange", follow);
  let waiting = false;
  const moved = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; list?.show(); });
  };
  addEventListener("scroll", moved, { passive: true });
  addEventListener("resize", () => list?.all());
  if (innerWidth < 860) $("facets").open = false;
  document.documentElement.classList.add("js");
  $("app").hidden = false;
  document.querySelector(".tools").hidden = false;
  follow();
}

unpacked().then(read).then(start);

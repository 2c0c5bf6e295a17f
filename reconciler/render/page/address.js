// What is looked at <-> the address, so that it can be sent to somebody.

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
  if (group) opened.add(groupOpen(group));
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

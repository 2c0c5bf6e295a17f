// What is looked at <-> the address, so that it can be sent to somebody.

const here = (fragment) => `${location.href.split("#")[0]}#${fragment}`;

// Both kinds may have the same SID.
const linkTo = (row) => `sid=${row.sid}&kind=${row.kind}`;

// What is gone to on purpose can be gone back from.
function visit() {
  try { history.pushState(null, "", location.hash || "#"); } catch { /* as below */ }
  render();
}

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
    const plain = { removals: () => { state.q = ""; state.picked = { effect: new Set(["removes"]) }; state.view = "records"; } }[raw];
    if (plain) plain();
    sync();
    render();
    const to = $(raw);
    if (to?.tagName === "DETAILS") to.open = true;
    to?.scrollIntoView();
    return;
  }
  const given = new URLSearchParams(raw);
  const sid = given.get("sid")?.toLowerCase();
  const group = plan.groups.find((one) => (given.has("gd") ? one.digest === given.get("gd") : one.name === given.get("g")));
  state.q = given.get("q") || "";
  state.regex = given.get("regex") === "1";
  state.theme = ["light", "dark"].includes(given.get("theme")) ? given.get("theme") : state.theme;
  state.picked = {};
  for (const name of Object.keys(FACETS)) if (!(sid && name === "kind")) for (const one of given.getAll(name)) pick(name, one);
  const line = given.get("L");
  const filtered = given.has("file") || given.has("key") || given.has("owner");
  const named = VIEWS.includes(given.get("view")) ? given.get("view") : filtered ? "records" : "groups";
  state.view = sid || line ? "records" : named;
  sync();
  const wanted = sid ? plan.rows.filter((row) => row.sid === sid && (!given.has("kind") || row.kind === given.get("kind")))
    : line ? found.concat(plan.rows).filter((row) => row.file === given.get("file") && row.line === Number(line)).slice(0, 1) : [];
  for (const row of wanted) opened.add(rowId(row));
  if (group) opened.add(groupOpen(group));
  render();
  const at = wanted.length ? found.indexOf(wanted[0]) : -1;
  if (at >= 0) list.go(at);
  else if (wanted.length) banner("The search hides this record.");
  else if (sid && beside(sid)) banner("This record does not change: see above.");
  else if (sid) banner(`${sid} is not in this plan.`);
  else if (line) banner(`No change at line ${line} of ${given.get("file")} is in this plan.`);
  else if (group) list?.go(shownGroups.indexOf(group));
  else if (given.has("g") || given.has("gd")) banner("That group is not in this plan.");
  // Until something else is looked at, the address stays the one that was given.
  if (at >= 0 || group) try { history.replaceState(null, "", `#${raw}`); } catch { /* as above */ }
}

// Whether a record is in one of the lists of what does not change, which is then shown.
function beside(sid) {
  const named = [...document.querySelectorAll(".panel code")].find((one) => one.textContent.endsWith(`/${sid}`));
  if (!named) return false;
  named.closest("details").open = true;
  named.scrollIntoView({ block: "center" });
  return true;
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

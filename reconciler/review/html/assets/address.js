// What is looked at <-> the address, so that it can be sent to somebody.

const here = (fragment) => `${location.href.split("#")[0]}#${fragment}`;

// Both kinds may have the same SID.
const linkTo = (row) => `sid=${row.sid}&kind=${row.kind}`;

// What is gone to on purpose can be gone back from.
function visit() {
  try {
    history.pushState(null, "", location.hash || "#");
  } catch {
    /* as below */
  }
  render();
}

// Some hosts show the page in a frame without an address.
function addressed(fragment) {
  try {
    history.replaceState(null, "", `#${fragment}`);
  } catch {
    /* then what is looked at cannot be sent, and all else works */
  }
}

function link() {
  const fragment = new URLSearchParams();
  if (state.q) fragment.set("q", state.q);
  if (state.regex) fragment.set("regex", "1");
  if (state.view !== "groups") fragment.set("view", state.view);
  for (const [name, values] of Object.entries(state.picked)) {
    for (const one of values) fragment.append(name, one);
  }
  if (state.theme) fragment.set("theme", state.theme);
  addressed(fragment);
}

function follow() {
  const raw = location.hash.slice(1);
  if (raw && !raw.includes("=")) followName(raw);
  else followState(new URLSearchParams(raw), raw);
}

// `#removals`, `#guards`: a part of the page.
function followName(name) {
  if (name === "removals") {
    state.q = "";
    state.picked = { effect: new Set(["removes"]) };
    state.view = "records";
  }
  sync();
  render();
  const to = $(name);
  if (to?.tagName === "DETAILS") to.open = true;
  to?.scrollIntoView();
}

// `#q=...&view=...`, and one record or group among what is found.
function followState(given, raw) {
  take(given);
  const wanted = wantedRow(given);
  const group = wantedGroup(given);
  if (wanted) opened.add(rowId(wanted));
  if (group) opened.add(groupOpen(group));
  sync();
  render();
  const at = wanted ? found.indexOf(wanted) : -1;
  if (at >= 0) list.go(at);
  else if (wanted) banner("The search hides this record.");
  else if (given.has("sid")) banner(missing(given.get("sid").toLowerCase()));
  else if (given.has("L")) banner(`No change at line ${given.get("L")} is in this plan.`);
  else if (group) list?.go(shownGroups.indexOf(group));
  else if (given.has("g") || given.has("gd")) banner("That group is not in this plan.");
  // Until something else is looked at, the address stays the one that was given.
  if (at >= 0 || group || given.has("sid")) addressed(raw);
}

function take(given) {
  const one = given.has("sid") || given.has("L");
  state.q = given.get("q") || "";
  state.regex = given.get("regex") === "1";
  if (["light", "dark"].includes(given.get("theme"))) state.theme = given.get("theme");
  state.picked = {};
  for (const name of Object.keys(FACETS)) {
    if (given.has("sid") && name === "kind") continue; // it tells which of two twins
    for (const value of given.getAll(name)) pick(name, value);
  }
  const filtered = ["file", "key", "owner"].some((name) => given.has(name));
  const view = VIEWS.includes(given.get("view")) ? given.get("view") : "";
  state.view = one ? "records" : view || (filtered ? "records" : "groups");
}

function wantedRow(given) {
  const sid = given.get("sid")?.toLowerCase();
  const [kind, file, line] = ["kind", "file", "L"].map((name) => given.get(name));
  if (sid) return plan.rows.find((row) => row.sid === sid && (!kind || row.kind === kind));
  if (line) return plan.rows.find((row) => row.file === file && row.line === Number(line));
  return undefined;
}

function wantedGroup(given) {
  const digest = given.get("gd"); // the number of a group is another one in another plan
  return plan.groups.find((one) => (digest ? one.digest === digest : one.name === given.get("g")));
}

function missing(sid) {
  if (isBeside(sid)) return "This record does not change: see above.";
  return cutShort() ? `${sid} is not among what is listed here.` : `${sid} is not in this plan.`;
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

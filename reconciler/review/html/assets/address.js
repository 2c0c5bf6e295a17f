// State of the page <-> fragment of the address, so that a view can be shared as a link.

// The address of this page with another fragment.
const here = (fragment) => `${location.href.split("#")[0]}#${fragment}`;

// The kind is part of a link because two records of different kinds may have the same SID.
const linkTo = (row) => `sid=${row.sid}&kind=${row.kind}`;

// Renders after a deliberate step; the back button of the browser undoes it.
function visit() {
  try {
    history.pushState(null, "", location.hash || "#");
  } catch {
    /* see `addressed` */
  }
  render();
}

// Sets the fragment without a new step of the history. Some hosts show the page in a frame
// without an address, where this throws.
function addressed(fragment) {
  try {
    history.replaceState(null, "", `#${fragment}`);
  } catch {
    /* the view cannot be shared as a link; everything else works */
  }
}

// Writes the state into the address.
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

// Shows the part or the state that the address names.
function follow() {
  const raw = location.hash.slice(1);
  if (raw && !raw.includes("=")) followName(raw);
  else followState(new URLSearchParams(raw), raw);
}

// Shows a part of the page, as in `#guards`; `#removals` shows the records that lose data.
function followName(name) {
  if (name === "removals") {
    state.q = "";
    state.picked = { effect: new Set(["removes"]) };
    state.view = "records";
  }
  sync();
  render();
  // The static list of this name is hidden while the script runs: its rows are the results.
  const to = name === "removals" ? $("results") : $(name);
  if (to?.tagName === "DETAILS") to.open = true;
  to?.scrollIntoView();
}

// Shows the state of `#q=...&view=...`, and opens the record (`sid`, or `file` and `L`) or the
// group (`g`, `gd`) that it names.
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
  else if (given.has("L")) banner(`This plan has no change at line ${given.get("L")}.`);
  else if (group) list?.go(shownGroups.indexOf(group));
  else if (given.has("g") || given.has("gd")) banner("That group is not in this plan.");
  // A link to a filtered view leads to its results, and not to the summary above them.
  else if (Object.values(state.picked).some((picked) => picked.size) || state.q) {
    $("results").scrollIntoView();
  }
  // `render` has written the state into the address: put the given one back.
  if (at >= 0 || group || given.has("sid")) addressed(raw);
}

// Reads the state from the parameters of an address.
function take(given) {
  const one = given.has("sid") || given.has("L");
  state.q = given.get("q") || "";
  state.regex = given.get("regex") === "1";
  if (["light", "dark"].includes(given.get("theme"))) state.theme = given.get("theme");
  state.picked = {};
  for (const name of Object.keys(FACETS)) {
    if (given.has("sid") && name === "kind") continue; // part of the record's address, not a filter
    for (const value of given.getAll(name)) pick(name, value);
  }
  const filtered = ["file", "key", "owner"].some((name) => given.has(name));
  const view = VIEWS.includes(given.get("view")) ? given.get("view") : "";
  state.view = one ? "records" : view || (filtered ? "records" : "groups");
}

// The record that an address names, or undefined.
function wantedRow(given) {
  const sid = given.get("sid")?.toLowerCase();
  const [kind, file, line] = ["kind", "file", "L"].map((name) => given.get(name));
  if (sid) return plan.rows.find((row) => row.sid === sid && (!kind || row.kind === kind));
  if (line) return plan.rows.find((row) => row.file === file && row.line === Number(line));
  return undefined;
}

// The group that an address names, or undefined.
function wantedGroup(given) {
  const digest = given.get("gd"); // the same in every plan, unlike the number of a group
  return plan.groups.find((one) => (digest ? one.digest === digest : one.name === given.get("g")));
}

// The message for a record that is not among the changes; shows its line in a panel if it has one.
function missing(sid) {
  if (isBeside(sid)) return "This record does not change: see above.";
  return cutShort()
    ? `${sid} is not among the records that this page lists.`
    : `${sid} is not in this plan.`;
}

// Sets the inputs to the state.
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

// State -> the records found, the filters with their counts, and the view that shows them.

const MOST_FACET_VALUES = 12;

// Fills `found`, and counts the records of each filter value. The counts of a filter ignore the
// values picked in that filter: they show how many records another choice would find.
function search() {
  let query;
  try {
    query = parsed(state.q, state.regex);
    banner("");
  } catch (error) {
    banner(error.message);
    also([]);
    return;
  }
  words = query.words;
  also(foundBeside(query));
  const picks = Object.entries(state.picked).filter(([, values]) => values.size);
  const counts = Object.fromEntries(Object.keys(FACETS).map((name) => [name, new Map()]));
  const names = Object.keys(FACETS);
  found = [];
  for (const row of plan.rows) {
    if (!query.tests.every((test) => test(row))) continue;
    const failed = picks.filter(
      ([name, values]) => !FACETS[name](row).some((one) => values.has(one)),
    );
    if (failed.length > 1) continue;
    if (!failed.length) found.push(row);
    for (const name of failed.length ? [failed[0][0]] : names) {
      for (const one of FACETS[name](row)) counts[name].set(one, (counts[name].get(one) || 0) + 1);
    }
  }
  facets(counts);
}

// Draws the filters; one with a single value is not shown unless it is picked.
function facets(counts) {
  const into = $("facet-list");
  const active = document.activeElement?.dataset?.facet;
  const chosen = Object.values(state.picked).reduce((sum, values) => sum + values.size, 0);
  $("facets").firstElementChild.textContent = chosen ? `Filters (${chosen})` : "Filters";
  into.replaceChildren();
  for (const [name, values] of Object.entries(counts)) {
    const picked = state.picked[name] || new Set();
    for (const one of picked) if (!values.has(one)) values.set(one, 0);
    if (values.size < 2 && !picked.size) continue;
    const ordered = [...values].sort(
      (one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1),
    );
    // A picked value stays visible in its place, so that nothing moves under the pointer.
    const shown = ordered.filter(([one], at) => at < MOST_FACET_VALUES || picked.has(one));
    const set = element("fieldset");
    set.append(element("legend", "", name));
    for (const [one, count] of shown) set.append(choice(name, one, count, picked.has(one)));
    if (ordered.length > shown.length)
      set.append(
        element(
          "small",
          "where",
          `and ${number(ordered.length - shown.length)} more: search ${name}:…`,
        ),
      );
    into.append(set);
  }
  if (active)
    [...into.querySelectorAll("input")].find((one) => one.dataset.facet === active)?.focus();
}

function choice(name, one, count, picked) {
  const label = element("label");
  const box = element("input");
  box.type = "checkbox";
  box.checked = picked;
  box.dataset.facet = `${name}=${one}`;
  box.addEventListener("change", () => {
    pick(name, one, box.checked);
    render();
  });
  label.append(box, element("span", "", one), element("b", "", number(count)));
  return label;
}

// Shows an error above the results; an empty text hides it.
function banner(text) {
  $("banner").hidden = !text;
  $("banner").textContent = text;
}

// `: 3 groups, 5 like no others`. Groups of too few records count as records like no others.
function groupsOf(groups, countOf) {
  const alike = groups.filter((group) => !group.alone).length;
  const alone = groups.reduce((sum, group) => sum + (group.alone ? countOf(group) : 0), 0);
  const parts = [];
  if (alike) parts.push(alike === 1 ? "1 group" : `${number(alike)} groups`);
  if (alone) parts.push(`${number(alone)} like no others`);
  return parts.length ? `: ${parts.join(", ")}` : "";
}

// Searches again and draws everything that depends on the state.
function render() {
  search();
  const groups = new Map();
  for (const row of found) groups.set(row.group, (groups.get(row.group) || 0) + 1);
  shownGroups = plan.groups.filter((group) => groups.has(group));
  for (const group of shownGroups) group.matches = groups.get(group);
  $("count").textContent =
    found.length === plan.rows.length
      ? `${records(found.length)}${groupsOf(plan.groups, (group) => group.count)}`
      : `${number(found.length)} of ${records(plan.rows.length)}${groupsOf(shownGroups, (group) => group.matches)}`;
  tell();
  for (const each of document.querySelectorAll("[data-view]"))
    each.setAttribute("aria-current", each.dataset.view === state.view);
  const into = $("results");
  list = null;
  if (!found.length) into.replaceChildren(nothing());
  else if (state.view === "groups")
    list = new Windowed(into, shownGroups, drawGroup, 66, groupOpen);
  else if (state.view === "records") list = new Windowed(into, found, drawRow, 66, rowId);
  else into.replaceChildren(table(state.view));
  link();
}

let telling = 0;

// Announces the number of records found, or the error, to screen readers after a pause in typing.
function tell() {
  clearTimeout(telling);
  telling = setTimeout(() => {
    const more = $("also").hidden ? "" : ` ${$("also").textContent}`;
    $("told").textContent = $("banner").textContent || `${$("count").textContent}${more}`;
  }, 600);
}

// Shown instead of an empty list.
function nothing() {
  if (!plan.rows.length) return element("p", "empty", "Nothing changes.");
  const rest = $("also").hidden && cutShort() ? "The lists above are incomplete. " : "";
  const empty = element("p", "empty", `No change matches. ${rest}`);
  empty.append(
    button("Clear search and filters", () => {
      clear();
      $("q").focus();
    }),
  );
  return empty;
}

function clear() {
  state.q = "";
  state.picked = {};
  sync();
  render();
}

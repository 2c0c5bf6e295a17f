// The state of the page: the query and view, the open items, and the reviewed records.

const VIEWS = ["groups", "records", "files", "keys"];

let plan = null; // the result of `read`
let found = []; // rows that match, in order of address
let shownGroups = []; // groups with a row in `found`
let list = null; // the Windowed of the view; null in tables and without results
const state = { view: "groups", q: "", regex: false, picked: {}, theme: "" };
const opened = new Set(); // IDs of open items: `groupOpen`, `rowId`
const done = new Set(); // IDs of reviewed items: `groupId`, `rowId`, `notId`

const groupOpen = (group) => `o:${group.digest}`;
const groupId = (group) => `g:${group.digest}:${group.name}`;
const rowId = (row) => `r:${row.address}`;
const notId = (row) => `n:${row.address}`; // not reviewed, in a group that was ticked as a whole
const reviewed = (row) =>
  done.has(groupId(row.group)) ? !done.has(notId(row)) : done.has(rowId(row));
const store = () => `reconciler:${plan.digest}`;

// A value that the browser keeps; null if it has none, or if the page may not use localStorage.
function remembered(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    /* without localStorage the ticks are lost on reload; everything else works */
  }
}

// Adds a value to a filter, or removes it.
function pick(name, one, on = true) {
  const values = state.picked[name] || (state.picked[name] = new Set());
  if (on) values.add(one);
  else values.delete(one);
}

// Shows how many groups and records were reviewed.
function progress() {
  const alike = plan.groups.filter((group) => !group.alone);
  const groups = alike.filter((group) => ticked(group) === group.count).length;
  const rows = plan.groups.reduce((sum, group) => sum + ticked(group), 0);
  const whole = alike.length ? `${number(groups)} of ${number(alike.length)} groups, ` : "";
  $("progress").textContent = `Reviewed: ${whole}${number(rows)} of ${records(plan.rows.length)}`;
}

// The number of reviewed records of a group. If it was ticked as a whole, only the exceptions are
// stored.
function ticked(group) {
  const whole = done.has(groupId(group));
  let some = 0;
  for (const row of group.rows) if (done.has(whole ? notId(row) : rowId(row))) some += 1;
  return whole ? group.count - some : some;
}

// Opens or closes an item.
function toggle(id, at) {
  if (!opened.delete(id)) opened.add(id);
  list.again(at);
  list.go(at, { scroll: false });
}

// Ticks a group. If only a part of it matches the search, only that part is ticked: the reviewer
// has not seen the rest.
function tickGroup(group, on, at) {
  if (group.matches < group.count) {
    for (const row of found) if (row.group === group) tick(row, on);
  } else {
    for (const row of group.rows) {
      done.delete(rowId(row));
      done.delete(notId(row));
    }
    if (on) done.add(groupId(group));
    else done.delete(groupId(group));
  }
  ticksChanged(at);
}

function tickRow(row, on, at) {
  tick(row, on);
  ticksChanged(at);
}

function tick(row, on) {
  const whole = done.has(groupId(row.group));
  const id = whole ? notId(row) : rowId(row);
  if (on === whole) done.delete(id);
  else done.add(id);
}

// Saves the ticks and shows them.
function ticksChanged(at) {
  remember(store(), [...done]);
  progress();
  list.again(at);
}

// What is looked at, what is opened and what was reviewed.

const VIEWS = ["groups", "records", "files", "keys"];

let plan = null;
let found = [];
let shownGroups = [];
let list = null;
const state = { view: "groups", q: "", regex: false, picked: {}, theme: "" };
const opened = new Set();
const done = new Set();

const groupOpen = (group) => `o:${group.digest}`;
const groupId = (group) => `g:${group.digest}:${group.name}`;
const rowId = (row) => `r:${row.address}`;
const notId = (row) => `n:${row.address}`; // in a group that was ticked whole, this one not
const reviewed = (row) =>
  done.has(groupId(row.group)) ? !done.has(notId(row)) : done.has(rowId(row));
const store = () => `reconciler:${plan.digest}`;

// What the browser keeps, if it keeps anything: JSON, under a name.
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
    /* a page without a store still works */
  }
}

function pick(name, one, on = true) {
  const values = state.picked[name] || (state.picked[name] = new Set());
  if (on) values.add(one);
  else values.delete(one);
}

function progress() {
  const alike = plan.groups.filter((group) => !group.alone);
  const groups = alike.filter((group) => ticked(group) === group.count).length;
  const rows = plan.groups.reduce((sum, group) => sum + ticked(group), 0);
  const whole = alike.length ? `${number(groups)} of ${number(alike.length)} groups, ` : "";
  $("progress").textContent = `Reviewed: ${whole}${number(rows)} of ${records(plan.rows.length)}`;
}

// How many of a group's records were reviewed: of a group that was ticked whole all but a few.
function ticked(group) {
  const whole = done.has(groupId(group));
  let some = 0;
  for (const row of group.rows) if (done.has(whole ? notId(row) : rowId(row))) some += 1;
  return whole ? group.count - some : some;
}

function toggle(id, at) {
  if (!opened.delete(id)) opened.add(id);
  list.again(at);
  list.go(at, { scroll: false });
}

// Of a group that is found in part only what is found is ticked: the rest nobody has seen.
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

function ticksChanged(at) {
  remember(store(), [...done]);
  progress();
  list.again(at);
}

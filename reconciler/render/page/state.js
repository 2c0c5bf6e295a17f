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
const reviewed = (row) => done.has(rowId(row)) || done.has(groupId(row.group));
const store = () => `reconciler:${plan.digest}`;

function remembered() {
  try { return JSON.parse(localStorage.getItem(store()) || "[]"); } catch { return []; }
}

function remember() {
  try { localStorage.setItem(store(), JSON.stringify([...done])); } catch { /* a page without a store still works */ }
}

function pick(name, one, on = true) {
  const values = state.picked[name] || (state.picked[name] = new Set());
  if (on) values.add(one);
  else values.delete(one);
}

function progress() {
  const groups = plan.groups.filter((group) => done.has(groupId(group)) || group.rows.every((row) => done.has(rowId(row)))).length;
  const rows = plan.rows.filter(reviewed).length;
  $("progress").textContent = `Reviewed: ${number(groups)} of ${number(plan.groups.length)} groups, ${number(rows)} of ${records(plan.rows.length)}`;
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

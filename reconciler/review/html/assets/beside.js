// Query -> matches in the panels above the search: records that do not change.

let others = null;
let sought = 0;

// Every line of the panels with its address and text; read from the page once.
function beside() {
  others ||= [...document.querySelectorAll(".panel:not(#guards) tbody tr")].map((line) => ({
    line,
    address: line.querySelector("code").textContent,
    text: [...line.cells].map((cell) => cell.textContent).join(" "),
  }));
  return others;
}

// Whether a panel lists only a part of its records.
const cutShort = () => Boolean(document.querySelector(".panel .rest"));

// The lines that match. They have only text: no line matches a query with a filter, an exclusion or
// an operator such as `origin:`.
function foundBeside(query) {
  if (!state.q || !query.says || Object.values(state.picked).some((values) => values.size))
    return [];
  return beside().filter((one) => query.says(one.text));
}

// Shows `and 1 that does not change`; each click scrolls to the next of these lines.
function also(lines) {
  const count = new Set(lines.map((one) => one.address)).size;
  sought = 0;
  $("also").hidden = !count;
  const least = cutShort() ? "at least " : "";
  $("also").textContent =
    `and ${least}${number(count)} that ${count === 1 ? "does" : "do"} not change`;
  $("also").onclick = () => {
    seek(lines[sought].line);
    sought = (sought + 1) % lines.length;
  };
}

// Opens the panel of a line, scrolls to it and highlights it.
function seek(line) {
  document.querySelector(".sought")?.classList.remove("sought");
  line.classList.add("sought");
  line.closest("details").open = true;
  line.scrollIntoView({ block: "center" });
}

// Whether a record is in a panel; scrolls to it if so.
function isBeside(sid) {
  const one = beside().find(({ address }) => address.endsWith(`/${sid}`));
  if (one) seek(one.line);
  return Boolean(one);
}

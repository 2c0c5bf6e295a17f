// The lists above the search, of records that do not change: what a search finds there.

let others = null;
let sought = 0;

// Each line of them with its text, read once.
function beside() {
  others ||= [...document.querySelectorAll(".panel:not(#guards) tbody tr")].map((line) => ({
    line,
    address: line.querySelector("code").textContent,
    text: [...line.cells].map((cell) => cell.textContent).join(" "),
  }));
  return others;
}

// Whether there are more of them than the page lists.
const cutShort = () => Boolean(document.querySelector(".panel .rest"));

// Of what they say only words can be searched: where more is asked, no line of them is an answer.
function foundBeside(query) {
  if (!state.q || !query.says || Object.values(state.picked).some((values) => values.size))
    return [];
  return beside().filter((one) => query.says(one.text));
}

// `and 1 that does not change`: each click leads to the next line of those.
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

function seek(line) {
  document.querySelector(".sought")?.classList.remove("sought");
  line.classList.add("sought");
  line.closest("details").open = true;
  line.scrollIntoView({ block: "center" });
}

// Whether a record is in one of the lists, which is then shown.
function isBeside(sid) {
  const one = beside().find(({ address }) => address.endsWith(`/${sid}`));
  if (one) seek(one.line);
  return Boolean(one);
}

// Texts, places and buttons -> elements; values reach the page as text alone (textContent).

const SIGNS = { add: "+", replace: "~", remove: "-" };

const number = (value) => value.toLocaleString("en-US");
const records = (value) => (value === 1 ? "1 record" : `${number(value)} records`);

function element(tag, classes, text) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

let words = [];

// A text with the searched words marked.
function marked(into, text) {
  const low = text.toLowerCase();
  let at = 0;
  while (words.length && at < text.length) {
    let next = -1;
    let length = 0;
    for (const word of words) {
      const found = low.indexOf(word, at);
      if (found >= 0 && (next < 0 || found < next)) { next = found; length = word.length; }
    }
    if (next < 0) break;
    into.append(text.slice(at, next), element("mark", "", text.slice(next, next + length)));
    at = next + length;
  }
  into.append(text.slice(at));
  return into;
}

const code = (text, tag = "code") => marked(element(tag, "code"), text);

// A line break that a value holds is shown where it is, as well as what it is written as.
function value(tag, parts) {
  const made = element(tag, "code");
  for (const part of parts) {
    const span = element("span", part.same ? "same" : "other");
    part.text.split(/((?<!\\)(?:\\\\)*\\n)/u).forEach((piece) => {
      marked(span, piece);
      if (piece.endsWith("\\n") && piece !== part.text) span.append(element("br"));
    });
    made.append(span);
  }
  return made;
}

function shortDiff(place) {
  const line = element("span", `diff ${place.op}`);
  line.append(element("span", "sign", SIGNS[place.op]), code(place.name));
  const cut = element("span", "cut");
  if (place.before !== null) cut.append(code(clipped(place.before), "del"));
  if (place.before !== null && place.after !== null) cut.append(" → ");
  if (place.after !== null) cut.append(code(clipped(place.after), "ins"));
  line.append(cut);
  return line;
}

const clipped = (text) => (text.length > 160 ? `${text.slice(0, 159)}…` : text);

function wholeDiff(place) {
  const line = element("div", `diff ${place.op}`);
  line.append(element("span", "sign", SIGNS[place.op]), code(place.name));
  const pair = element("div", "pair");
  if (place.op === "replace") {
    const [old, now] = byWords(place.before, place.after);
    pair.append(value("del", old), value("ins", now));
  } else if (place.op === "remove") pair.append(value("del", [{ same: true, text: place.before }]));
  else pair.append(value("ins", [{ same: true, text: place.after }]));
  line.append(pair);
  return line;
}

const badge = (text, kind = text) => element("span", `badge ${kind}`, text);

function button(text, act, classes = "") {
  const made = element("button", classes, text);
  made.type = "button";
  made.addEventListener("click", (event) => { event.stopPropagation(); act(made); });
  return made;
}

async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const said = from.dataset.said || (from.dataset.said = from.textContent);
  from.textContent = "Copied";
  setTimeout(() => { from.textContent = said; }, 1200);
}

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

// In lower case and of the same length, so that a place in one is a place in the other.
const lower = (text) => {
  const low = text.toLowerCase();
  return low.length === text.length
    ? low
    : [...text]
        .map((one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one))
        .join("");
};

const MOST_MARKS = 500; // each is an element, and all are made again at every key

// A text with the searched words marked.
function marked(into, text) {
  const low = lower(text);
  let at = 0;
  let left = MOST_MARKS;
  while (words.length && at < text.length && left > 0) {
    left -= 1;
    let next = -1;
    let length = 0;
    for (const word of words) {
      const found = low.indexOf(word, at);
      if (found >= 0 && (next < 0 || found < next)) {
        next = found;
        length = word.length;
      }
    }
    if (next < 0) break;
    into.append(text.slice(at, next), element("mark", "", text.slice(next, next + length)));
    at = next + length;
  }
  into.append(text.slice(at));
  return into;
}

const code = (text, tag = "code") => marked(element(tag, "code"), text);

const MOST_SHOWN = 4000; // characters of a part; of a longer one the rest is a click away

// A line break that a value holds is shown where it is, as well as what it is written as.
function value(tag, parts) {
  const made = element(tag, "code");
  for (const part of parts)
    made.append(part.text.length <= MOST_SHOWN ? worded(part) : folded(part));
  return made;
}

function worded(part) {
  const span = element("span", part.same ? "same" : "other");
  part.text.split(/((?<!\\)(?:\\\\)*\\n)/u).forEach((piece) => {
    marked(span, piece);
    if (piece.endsWith("\\n") && piece !== part.text) span.append(element("br"));
  });
  return span;
}

// The beginning and the end of a very long part; all of it for whoever asks.
function folded(part) {
  const half = MOST_SHOWN / 2;
  const rest = part.text.length - MOST_SHOWN;
  const around = element("span");
  const all = button(
    `… ${number(rest)} more characters${part.same ? ", the same" : ""} …`,
    () => {
      around.replaceChildren(worded(part));
      list?.show();
    },
    "link",
  );
  around.append(
    worded({ ...part, text: part.text.slice(0, half) }),
    all,
    worded({ ...part, text: part.text.slice(-half) }),
  );
  return around;
}

function shortDiff(place) {
  const line = element("span", `diff ${place.op}`);
  line.append(element("span", "sign", SIGNS[place.op]), code(place.name));
  const cut = element("span", "cut");
  const from = place.op === "replace" ? firstDifference(place.before, place.after) : 0;
  if (place.before !== null) cut.append(code(clipped(place.before, from), "del"));
  if (place.before !== null && place.after !== null) cut.append(" → ");
  if (place.after !== null) cut.append(code(clipped(place.after, from), "ins"));
  line.append(cut);
  return line;
}

const MOST_CLIPPED = 120;

// Of a long text the part that differs.
function clipped(text, from = 0) {
  if (text.length <= MOST_CLIPPED) return text;
  const start = Math.max(0, Math.min(from - MOST_CLIPPED / 4, text.length - MOST_CLIPPED));
  const end = start + MOST_CLIPPED;
  const part = text.slice(start, end).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
  return `${start ? "…" : ""}${part}${end < text.length ? "…" : ""} (${marks.get(text)})`;
}

function firstDifference(one, other) {
  const most = Math.min(one.length, other.length);
  let at = 0;
  while (at < most && one.charCodeAt(at) === other.charCodeAt(at)) at += 1;
  return at;
}

const moreKeys = (count) => (count === 1 ? "1 more key" : `${number(count)} more keys`);

const MOST_PLACES = 200; // of one record; all others are a click away

function wholeDiffs(places, into) {
  for (const place of places.slice(0, MOST_PLACES)) into.append(wholeDiff(place));
  const rest = places.slice(MOST_PLACES);
  if (rest.length) {
    const all = button(
      moreKeys(rest.length),
      () => {
        all.replaceWith(...rest.map(wholeDiff));
        list?.show();
      },
      "link",
    );
    into.append(all);
  }
}

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
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    act(made);
  });
  return made;
}

async function copy(text, from) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const held = document.activeElement;
    const area = element("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    held?.focus({ preventScroll: true });
  }
  const said = from.dataset.said || (from.dataset.said = from.textContent);
  from.textContent = done ? "Copied" : "Could not copy";
  setTimeout(() => {
    from.textContent = said;
  }, 1200);
}

// Texts, differences and buttons -> elements. Values are set with textContent, never as markup.

const SIGNS = { add: "+", replace: "~", remove: "-" };

const number = (value) => value.toLocaleString("en-US");
const records = (value) => (value === 1 ? "1 record" : `${number(value)} records`);

function element(tag, classes, text) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

let words = []; // the searched words, in lower case

// Lower case of the same length, so that an index in one text is valid in the other. `toLowerCase`
// can lengthen a text: "\u0130" becomes two characters.
const lower = (text) => {
  const low = text.toLowerCase();
  return low.length === text.length
    ? low
    : [...text]
        .map((one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one))
        .join("");
};

// In one text: each mark is an element, and all are made again at every key press.
const MOST_MARKS = 500;

// Appends a text with the searched words marked; returns the element.
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

const MOST_SHOWN = 4000; // characters of a part; a button shows the rest of a longer one

// A value, drawn part by part: those equal in the other value, and those that differ.
function value(tag, parts) {
  const made = element(tag, "code");
  for (const part of parts)
    made.append(part.text.length <= MOST_SHOWN ? worded(part) : folded(part));
  return made;
}

// A part of a value. A line break in it is shown both as `\n` and as a break.
function worded(part) {
  const span = element("span", part.same ? "same" : "other");
  part.text.split(/((?<!\\)(?:\\\\)*\\n)/u).forEach((piece) => {
    marked(span, piece);
    if (piece.endsWith("\\n") && piece !== part.text) span.append(element("br"));
  });
  return span;
}

// The beginning and the end of a very long part, and a button that shows all of it.
function folded(part) {
  const half = MOST_SHOWN / 2;
  const rest = part.text.length - MOST_SHOWN;
  const around = element("span");
  const all = button(
    `… ${number(rest)} more characters${part.same ? ", unchanged" : ""} …`,
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

// A difference on one line, with long values shortened.
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

// A text; a long one as the part at `from`, the first index that differs, with its length and hash.
function clipped(text, from = 0) {
  if (text.length <= MOST_CLIPPED) return text;
  const start = Math.max(0, Math.min(from - MOST_CLIPPED / 4, text.length - MOST_CLIPPED));
  const end = start + MOST_CLIPPED;
  // Half of a surrogate pair at either end is left out.
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

const MOST_PLACES = 200; // of one record; a button shows the others

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

// A difference with both values in full, compared word by word.
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

// A button; a click on it does not reach the elements around it.
function button(text, act, classes = "") {
  const made = element("button", classes, text);
  made.type = "button";
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    act(made);
  });
  return made;
}

// Copies a text and shows the result on the button `from`. navigator.clipboard may be missing or
// denied, as in an insecure context (https://developer.mozilla.org/docs/Web/API/Clipboard): then
// execCommand copies.
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

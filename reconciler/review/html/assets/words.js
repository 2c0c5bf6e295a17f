// Two texts -> the words that are equal and those that differ.

// Longer texts are not compared by word: the time and memory grow with the square of the words.
const MOST_TOKENS = 2000;

// Escapes, spaces, words, and every other character by itself.
const tokens = (text) => text.match(/\\u[0-9a-f]{4}|\\.|\s+|[\p{L}\p{N}_]+|./gsu) || [];

// Each text as parts `{ same, text }`, in order: equal in both texts, or different.
function byWords(before, after) {
  const [from, to] = ends(before, after);
  const cut = (text) => text.slice(from, text.length - to);
  const around = (text, parts) =>
    [
      { same: true, text: text.slice(0, from) },
      ...parts,
      { same: true, text: text.slice(text.length - to) },
    ].filter((part) => part.text);
  const [old, now] = ofMiddle(cut(before), cut(after));
  return [around(before, old), around(after, now)];
}

// The lengths of the equal beginning and end, cut back to a space. They are found by character, so
// that a value of a megabyte need not be split into words.
function ends(before, after) {
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before.charCodeAt(from) === after.charCodeAt(from)) from += 1;
  from = from && before.lastIndexOf(" ", from - 1) + 1;
  let to = 0;
  while (
    to < most - from &&
    before.charCodeAt(before.length - 1 - to) === after.charCodeAt(after.length - 1 - to)
  )
    to += 1;
  const space = before.indexOf(" ", before.length - to);
  return [from, space < 0 ? 0 : before.length - space];
}

// The same for the texts between the equal ends.
function ofMiddle(before, after) {
  const old = tokens(before);
  const now = tokens(after);
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < now.length - head &&
    old[old.length - 1 - tail] === now[now.length - 1 - tail]
  )
    tail += 1;
  const left = old.slice(head, old.length - tail);
  const right = now.slice(head, now.length - tail);
  const [keptLeft, keptRight] =
    left.length * right.length > MOST_TOKENS * MOST_TOKENS
      ? [left.map(() => false), right.map(() => false)]
      : common(left, right);
  const flags = (all, kept) =>
    all.map((_, at) => at < head || at >= all.length - tail || kept[at - head]);
  return [joined(old, flags(old, keptLeft)), joined(now, flags(now, keptRight))];
}

// For each word whether it is in the longest common subsequence, found by dynamic programming.
function common(left, right) {
  const width = right.length + 1;
  const lengths = new Uint16Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        left[i] === right[j]
          ? lengths[(i + 1) * width + j + 1] + 1
          : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const keptLeft = left.map(() => false);
  const keptRight = right.map(() => false);
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (left[i] === right[j]) {
      keptLeft[i] = keptRight[j] = true;
      i += 1;
      j += 1;
    } else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return [keptLeft, keptRight];
}

// Words -> parts; neighbours that are both equal or both different become one.
function joined(all, same) {
  const parts = [];
  all.forEach((token, at) => {
    const last = parts[parts.length - 1];
    if (last && last.same === same[at]) last.text += token;
    else parts.push({ same: same[at], text: token });
  });
  return parts;
}

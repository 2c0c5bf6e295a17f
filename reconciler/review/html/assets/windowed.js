// A long list -> the few items near the window.

// How often one call of `show` draws and measures: measured items may bring others into view.
const MOST_TURNS = 8;

// Only the items near the window are in the page. An item is drawn by `draw(item, index, element)`
// and measured once it is in the page; until then it has an estimated height. `open(item)` is its
// ID in `opened`.
class Windowed {
  constructor(into, items, draw, estimate, open) {
    this.into = into;
    this.items = items;
    this.draw = draw;
    this.open = open;
    this.heights = new Float64Array(items.length).fill(estimate);
    this.tops = new Float64Array(items.length + 1);
    this.drawn = new Map();
    this.current = -1;
    this.list = element("div", "list");
    this.list.setAttribute("role", "list");
    into.replaceChildren(this.list);
    this.place(0);
    this.show();
    this.guess();
  }

  // Gives the items that are not drawn the median height of those that are, so that the scroll bar
  // is about right.
  guess() {
    if (!this.drawn.size) return;
    const seen = [...this.drawn.keys()]
      .map((at) => this.heights[at])
      .sort((one, other) => one - other);
    const usual = seen[seen.length >> 1];
    for (let at = 0; at < this.items.length; at += 1)
      if (!this.drawn.has(at)) this.heights[at] = usual;
    this.place(0);
    this.show();
  }

  // Computes the positions of all items behind `from`.
  place(from) {
    for (let at = from; at < this.items.length; at += 1)
      this.tops[at + 1] = this.tops[at] + this.heights[at];
    this.list.style.height = `${this.tops[this.items.length]}px`;
  }

  // The index of the item at a position in the list, by binary search.
  at(y) {
    let low = 0;
    let high = this.items.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Draws the items near the window, and keeps the item at its top where it is.
  show() {
    if (!this.items.length) return;
    // A window at the end stays at the end, even if the items there are higher than estimated.
    const page = document.documentElement;
    const atEnd = scrollY > 0 && scrollY + innerHeight >= page.scrollHeight - 2;
    let above = -this.list.getBoundingClientRect().top;
    const anchor = this.at(Math.max(0, above));
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      this.between(
        this.at(Math.max(0, above - 300)),
        this.at(Math.max(0, above + innerHeight + 300)),
      );
      const was = this.tops[anchor];
      if (!this.measure()) break;
      const moved = this.tops[anchor] - was;
      if (atEnd) scrollTo({ top: page.scrollHeight, behavior: "instant" });
      else if (above > 0 && moved) scrollBy({ top: moved, behavior: "instant" });
      above = -this.list.getBoundingClientRect().top;
    }
  }

  // Draws the items from `first` to `last` and removes all others, except one that has the focus.
  between(first, last) {
    for (const [at, item] of this.drawn) {
      if ((at < first || at > last) && !item.contains(document.activeElement)) {
        item.remove();
        this.drawn.delete(at);
      }
    }
    for (let at = first; at <= last; at += 1) if (!this.drawn.has(at)) this.add(at);
  }

  add(at) {
    const item = element("div", "item");
    item.setAttribute("role", "listitem");
    item.setAttribute("aria-setsize", this.items.length);
    item.setAttribute("aria-posinset", at + 1);
    item.append(this.draw(this.items[at], at, item));
    item.classList.toggle("current", at === this.current);
    this.drawn.set(at, item);
    let next = null; // keep the order of the list: screen readers and the Tab key follow it
    for (const [other, drawn] of this.drawn)
      if (other > at && (next === null || other < next[0])) next = [other, drawn];
    this.list.insertBefore(item, next && next[1]);
  }

  // Measures the drawn items and places them; whether a height was not as expected.
  measure() {
    let from = Infinity;
    const seen = [...this.drawn].map(([at, item]) => [at, item.offsetHeight]);
    for (const [at, height] of seen) {
      if (height && Math.abs(height - this.heights[at]) > 0.5) {
        this.heights[at] = height;
        from = Math.min(from, at);
      }
    }
    if (from < Infinity) this.place(from);
    for (const [at, item] of this.drawn) item.style.transform = `translateY(${this.tops[at]}px)`;
    return from < Infinity;
  }

  // Draws one item again and keeps the focus in it.
  again(at) {
    const item = this.drawn.get(at);
    if (item) {
      const focused = item.contains(document.activeElement) && document.activeElement.className;
      item.replaceChildren(this.draw(this.items[at], at, item));
      if (focused) item.querySelector(`.${focused.split(" ")[0]}`)?.focus({ preventScroll: true });
    }
    this.measure();
    this.show();
  }

  // Draws everything again; keeps the focus and the item at the top of the window.
  all() {
    const above = -this.list.getBoundingClientRect().top;
    const first = above > 0 ? this.at(above) : -1;
    const off = above - this.tops[Math.max(first, 0)];
    const held = [...this.drawn].find(([, item]) => item.contains(document.activeElement));
    const focused = held && document.activeElement.classList[0];
    for (const item of this.drawn.values()) item.remove();
    this.drawn.clear();
    this.show();
    this.guess();
    if (first >= 0)
      scrollBy({
        top: this.tops[first] + off + this.list.getBoundingClientRect().top,
        behavior: "instant",
      });
    if (held && focused)
      this.drawn.get(held[0])?.querySelector(`.${focused}`)?.focus({ preventScroll: true });
  }

  // Makes an item the current one, which the keys act on.
  point(at) {
    if (at === this.current) return;
    this.drawn.get(this.current)?.classList.remove("current");
    this.current = at;
    this.drawn.get(at)?.classList.add("current");
  }

  // Makes an item the current one and brings it into view, below the search bar.
  go(at, { focus = true, scroll = true } = {}) {
    if (at < 0 || at >= this.items.length) return;
    this.point(at);
    const top = this.list.getBoundingClientRect().top + scrollY + this.tops[at];
    const bar = document.querySelector(".search").offsetHeight + 8;
    if (top < scrollY + bar || (scroll && top + this.heights[at] > scrollY + innerHeight - 60))
      scrollTo({ top: top - bar - 40 });
    this.show();
    if (focus) this.drawn.get(at)?.querySelector(".toggle")?.focus({ preventScroll: true });
  }
}

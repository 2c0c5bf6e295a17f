// A long list -> the few items near the window.

// Only the items near the window are in the page; each is measured once it is.
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

  // Those not seen yet are as high as those that are, so that the scroll bar tells the truth.
  guess() {
    let sum = 0;
    for (const at of this.drawn.keys()) sum += this.heights[at];
    for (let at = 0; at < this.items.length; at += 1) if (!this.drawn.has(at)) this.heights[at] = sum / this.drawn.size;
    this.place(0);
    this.show();
  }

  place(from) {
    for (let at = from; at < this.items.length; at += 1) this.tops[at + 1] = this.tops[at] + this.heights[at];
    this.list.style.height = `${this.tops[this.items.length]}px`;
  }

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

  show() {
    if (!this.items.length) return;
    const above = -this.list.getBoundingClientRect().top;
    for (let turn = 0; turn < 3; turn += 1) {
      const first = this.at(Math.max(0, above - 300));
      const last = this.at(Math.max(0, above + innerHeight + 300));
      for (const [at, item] of this.drawn) {
        if ((at < first || at > last) && !item.contains(document.activeElement)) { item.remove(); this.drawn.delete(at); }
      }
      for (let at = first; at <= last; at += 1) if (!this.drawn.has(at)) this.add(at);
      if (!this.measure()) break;
    }
  }

  add(at) {
    const item = element("div", "item");
    item.setAttribute("role", "listitem");
    item.setAttribute("aria-setsize", this.items.length);
    item.setAttribute("aria-posinset", at + 1);
    item.append(this.draw(this.items[at], at, item));
    item.classList.toggle("current", at === this.current);
    this.drawn.set(at, item);
    this.list.append(item);
  }

  measure() {
    let from = Infinity;
    const seen = [...this.drawn].map(([at, item]) => [at, item.offsetHeight]);
    for (const [at, height] of seen) {
      if (height && Math.abs(height - this.heights[at]) > .5) { this.heights[at] = height; from = Math.min(from, at); }
    }
    if (from < Infinity) this.place(from);
    for (const [at, item] of this.drawn) item.style.transform = `translateY(${this.tops[at]}px)`;
    return from < Infinity;
  }

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

  all() {
    for (const item of this.drawn.values()) item.remove();
    this.drawn.clear();
    this.show();
    this.guess();
  }

  go(at, { focus = true } = {}) {
    if (at < 0 || at >= this.items.length) return;
    const before = this.current;
    this.current = at;
    this.drawn.get(before)?.classList.remove("current");
    const top = this.list.getBoundingClientRect().top + scrollY + this.tops[at];
    const bar = document.querySelector(".search").offsetHeight + 8;
    if (top < scrollY + bar || top + this.heights[at] > scrollY + innerHeight - 60) scrollTo({ top: top - bar - 40 });
    this.show();
    this.drawn.get(at)?.classList.add("current");
    if (focus) this.drawn.get(at)?.querySelector(".toggle")?.focus({ preventScroll: true });
  }
}

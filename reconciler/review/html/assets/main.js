// Handles keys and buttons, and starts the page.

// From this number of records, a search waits for a pause in typing.
const MANY_ROWS = 20000;
const PAUSE_MS = 120;

// One-character keys can be switched off: speech input triggers them by mistake (WCAG 2.1.4,
// https://www.w3.org/WAI/WCAG21/Understanding/character-key-shortcuts).
const LETTERS = "reconciler:letters";

let lastKey = "";

const KEYS = {
  "/": () => $("q").focus(),
  j: () => list?.go(Math.min(list.current + 1, list.items.length - 1)),
  k: () => list?.go(Math.max(list.current - 1, 0)),
  o: () => list && list.current >= 0 && toggle(list.open(list.items[list.current]), list.current),
  x: () =>
    list &&
    list.current >= 0 &&
    (state.view === "groups"
      ? tickGroup(
          list.items[list.current],
          ticked(list.items[list.current]) < list.items[list.current].count,
          list.current,
        )
      : tickRow(list.items[list.current], !reviewed(list.items[list.current]), list.current)),
  End: () => jump(document.documentElement.scrollHeight),
  Home: () => jump(0),
  e: () => everything(true),
  c: () => everything(false),
  "?": () => $("help").showModal(),
  g: () => {
    if (lastKey === "g") {
      scrollTo({ top: 0 });
      list?.go(0);
    }
  },
};
VIEWS.forEach((view, at) => {
  KEYS[at + 1] = () => show(view);
});

// Scrolls at once: a smooth scroll would stop when the list measures items on the way.
function jump(top) {
  scrollTo({ top, behavior: "instant" });
  list?.show();
}

// Switches to a view, as one step of the browser's history.
function show(view) {
  const inside = $("results").contains(document.activeElement);
  state.view = view;
  visit();
  if (inside) list?.go(0);
}

// Opens or closes all items of the list.
function everything(open) {
  if (!list) return;
  for (const item of list.items) {
    if (open) opened.add(list.open(item));
    else opened.delete(list.open(item));
  }
  list.all();
}

// Attaches all event handlers.
function wire() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=search], textarea, select");
    if (event.key === "Escape" && typing) {
      if (state.q) {
        state.q = "";
        sync();
        render();
      } else event.target.blur();
    } else if (
      !typing &&
      !event.ctrlKey &&
      !event.metaKey &&
      !event.altKey &&
      !$("help").open &&
      ($("letters").checked || event.key.length > 1) &&
      Object.hasOwn(KEYS, event.key)
    ) {
      event.preventDefault();
      KEYS[event.key]();
      lastKey = lastKey === "g" ? "" : event.key;
    }
  });
  let typed = 0;
  $("q").addEventListener("input", () => {
    state.q = $("q").value;
    clearTimeout(typed);
    // With many records a search takes long enough to disturb typing.
    if (plan.rows.length < MANY_ROWS) render();
    else typed = setTimeout(render, PAUSE_MS);
  });
  $("results").addEventListener("focusin", (event) => {
    const item = event.target.closest(".item");
    if (item && list) list.point(Number(item.getAttribute("aria-posinset")) - 1);
  });
  $("regex").addEventListener("change", () => {
    state.regex = $("regex").checked;
    render();
  });
  for (const each of document.querySelectorAll("[data-view]"))
    each.addEventListener("click", () => show(each.dataset.view));
  $("theme").addEventListener("click", () => {
    state.theme = { "": "dark", dark: "light", light: "" }[state.theme];
    themed();
    link();
  });
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("letters").addEventListener("change", () => remember(LETTERS, $("letters").checked));
  $("help-close").addEventListener("click", () => $("help").close());
  $("layout").addEventListener("click", () => {
    const beside = $("results").classList.toggle("beside");
    $("layout").setAttribute("aria-pressed", beside);
    list?.all();
  });
  $("expand").addEventListener("click", () => everything(true));
  $("collapse").addEventListener("click", () => everything(false));
  $("copy-sids").addEventListener("click", () =>
    copy(found.map((row) => row.sid).join("\n"), $("copy-sids")),
  );
  $("copy-targets").addEventListener("click", () =>
    copy(
      // A record that was removed from git can be a target only in a plan with the same base.
      found
        .filter((row) => !row.group.released)
        .map((row) => `--target ${row.address}`)
        .join(" "),
      $("copy-targets"),
    ),
  );
  $("copy-markdown").addEventListener("click", () => copy(asMarkdown(), $("copy-markdown")));
  $("download").addEventListener("click", download);
  addEventListener("hashchange", follow);
  let waiting = false;
  const moved = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      list?.show();
    });
  };
  addEventListener("scroll", moved, { passive: true });
  let wide = innerWidth; // a phone hides its address bar on scroll: only the width moves lines
  addEventListener("resize", () => {
    if (innerWidth === wide) moved();
    else {
      wide = innerWidth;
      list?.all();
    }
  });
}

// Restores the ticks and settings that the browser keeps, and shows the search.
function start(read_plan) {
  plan = read_plan;
  const ticks = remembered(store());
  if (Array.isArray(ticks)) for (const one of ticks) done.add(one);
  $("letters").checked = remembered(LETTERS) !== false;
  wire();
  if (innerWidth < 860) $("facets").open = false;
  document.documentElement.classList.add("js");
  $("app").hidden = false;
  document.querySelector(".tools").hidden = false;
  follow();
  progress();
}

unpacked().then(read).then(start);

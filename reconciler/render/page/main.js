// Keys and buttons, and the beginning.

let lastKey = "";

const KEYS = {
  "/": () => $("q").focus(),
  j: () => list?.go(Math.min(list.current + 1, list.items.length - 1)),
  k: () => list?.go(Math.max(list.current - 1, 0)),
  o: () => list && list.current >= 0 && toggle(list.open(list.items[list.current]), list.current),
  x: () => list && list.current >= 0 && (state.view === "groups"
    ? tickGroup(list.items[list.current], !done.has(groupId(list.items[list.current])), list.current)
    : tickRow(list.items[list.current], !reviewed(list.items[list.current]), list.current)),
  e: () => everything(true),
  c: () => everything(false),
  "?": () => $("help").showModal(),
  g: () => { if (lastKey === "g") { scrollTo({ top: 0 }); list?.go(0); } },
};
VIEWS.forEach((view, at) => { KEYS[at + 1] = () => { state.view = view; render(); }; });

function everything(open) {
  if (!list) return;
  for (const item of list.items) {
    if (open) opened.add(list.open(item));
    else opened.delete(list.open(item));
  }
  list.all();
}

function wire() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=search], textarea, select");
    if (event.key === "Escape" && typing) {
      if (state.q) { state.q = ""; sync(); render(); } else event.target.blur();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && !$("help").open && Object.hasOwn(KEYS, event.key)) {
      event.preventDefault();
      KEYS[event.key]();
      lastKey = lastKey === "g" ? "" : event.key;
    }
  });
  $("q").addEventListener("input", () => { state.q = $("q").value; render(); });
  $("regex").addEventListener("change", () => { state.regex = $("regex").checked; render(); });
  for (const each of document.querySelectorAll("[data-view]")) each.addEventListener("click", () => { state.view = each.dataset.view; render(); });
  $("theme").addEventListener("click", () => { state.theme = { "": "dark", dark: "light", light: "" }[state.theme]; themed(); link(); });
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("layout").addEventListener("click", () => {
    const beside = $("results").classList.toggle("beside");
    $("layout").setAttribute("aria-pressed", beside);
    list?.all();
  });
  $("expand").addEventListener("click", () => everything(true));
  $("collapse").addEventListener("click", () => everything(false));
  $("copy-sids").addEventListener("click", () => copy(found.map((row) => row.sid).join("\n"), $("copy-sids")));
  $("copy-targets").addEventListener("click", () => copy(`reconciler apply ${found.map((row) => `--target ${row.address}`).join(" ")}`, $("copy-targets")));
  $("copy-markdown").addEventListener("click", () => copy(asMarkdown(), $("copy-markdown")));
  $("download").addEventListener("click", download);
  addEventListener("hashchange", follow);
  let waiting = false;
  const moved = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; list?.show(); });
  };
  addEventListener("scroll", moved, { passive: true });
  addEventListener("resize", () => list?.all());
}

function start(read_plan) {
  plan = read_plan;
  for (const one of remembered()) done.add(one);
  wire();
  if (innerWidth < 860) $("facets").open = false;
  document.documentElement.classList.add("js");
  $("app").hidden = false;
  document.querySelector(".tools").hidden = false;
  follow();
}

unpacked().then(read).then(start);

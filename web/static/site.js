/* A page in, a smoother one out: formulas, keys, the same place after a vote, answers said. Nothing needs it. */
"use strict";
(() => {
  const find = (query, within = document) => within.querySelector(query);
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const katexUrl = document.currentScript.dataset.katex;

  /* Formulas: marked by the server; what KaTeX refuses is text. */
  const OPTIONS = { output: "mathml", trust: false, strict: "ignore", throwOnError: true, maxSize: 4, maxExpand: 100 };
  const FOREIGN = /\\(href|url|html|includegraphics|tag|rule)/;
  const known = new Map();
  let asked = false;

  const formula = (tex) => {
    if (!known.has(tex)) {
      let math = null;
      try {
        const html = FOREIGN.test(tex) ? "" : katex.renderToString(tex, OPTIONS).replace(/ style="[^"]*"/g, "");
        math = find("math", new DOMParser().parseFromString(html, "text/html"));
        if (math) all("annotation", math).forEach((one) => one.remove());
      } catch { /* text */ }
      known.set(tex, math);
    }
    return known.get(tex);
  };
  const setFormulas = () => {
    const open = all(".math[data-tex]").filter((one) => !one.firstElementChild);
    if (open.length && window.katex) {
      for (const one of open) {
        const math = formula(one.dataset.tex);
        if (math) one.replaceChildren(document.importNode(math, true));
      }
    } else if (open.length && !asked) {
      asked = true;
      const script = document.createElement("script");
      script.src = katexUrl;
      script.onload = setFormulas;
      document.head.append(script);
    }
  };

  /* The same place: a vote brings the list anew, and its paper stays under the hand. */
  const paperOf = (element) => element?.closest?.("article[data-paper]");
  const papers = () => all("#page article[data-paper]");
  const again = (id) => papers().find((one) => one.dataset.paper === id);
  const top = (article) => (find(".act", article) || article).getBoundingClientRect().top;
  const say = (text) => { find("#heard").textContent = text; };
  let was = {};

  const remember = (event) => {
    const pressed = event.detail.requestConfig?.elt, article = paperOf(pressed), focus = document.activeElement;
    was = {
      paper: article?.dataset.paper,
      top: article && top(article),
      open: all("#page details.abstract[open]").map((one) => paperOf(one).dataset.paper),
      focus: find("#page").contains(focus) && (!pressed?.closest("[data-hx-swap*=top]") && focus.id || "title"),
      seen: !article && pressed?.closest(".show-more") && papers().map((one) => one.dataset.paper),
    };
  };
  const restore = () => {
    setFormulas();
    for (const id of was.open || []) again(id)?.querySelector("details.abstract")?.setAttribute("open", "");
    const article = was.paper && again(was.paper);
    if (article) scrollBy({ top: top(article) - was.top, behavior: "instant" });
    const next = article || (was.seen && papers().find((one) => !was.seen.includes(one.dataset.paper)));
    const near = next ? find(".title a, button", next) : find(".undo.notice button") || find("#page");
    if (was.focus) (document.getElementById(was.focus) || near)?.focus({ preventScroll: true });
    const told = [...all("#page > .done, #page > .error, #page .moved"), ...(article ? all(".said", article) : [])];
    say(told.map((one) => one.textContent.trim()).join(" "));
    was = {};
  };
  const unanswered = () => {
    all("#page > .error").forEach((one) => one.remove());
    const told = document.createElement("p");
    told.className = "error";
    told.role = "alert";
    told.textContent = find("#heard").dataset.unanswered;
    find("#page").prepend(told);
    told.scrollIntoView({ block: "nearest" });
  };

  /* Keys act on the paper with the focus, or the first in view. */
  const keys = find("#keys"), box = find("#keys-on");
  const stored = (value) => {
    try {
      if (value) localStorage.setItem("keys", value);
      return localStorage.getItem("keys");
    } catch { return null; /* fine */ }
  };
  const here = () => paperOf(document.activeElement) || papers().find((one) => one.getBoundingClientRect().bottom > 80);
  const step = (by) => {
    const list = papers(), at = list.indexOf(paperOf(document.activeElement));
    const next = at < 0 ? here() : list[at + by];
    if (next) find(".title a, a, button", next)?.focus({ preventScroll: true });
    next?.scrollIntoView({ behavior: "instant" });
  };
  const press = (name) => {
    const article = here(), named = (end) => find(`button[id$="-${end}"]`, article);
    if (article) (named(name) || (name !== "save" && named("undo")))?.click?.();
  };
  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    o: () => here() && find(".title a, .links a", here())?.click(),
    u: () => press("upvote"),
    d: () => press("downvote"),
    s: () => press("save"),
    x: () => press("hide"),
    "/": () => { find("#find")?.focus(); find("#find")?.select(); },
    "?": () => keys?.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest?.("input, select, textarea, dialog, [contenteditable]") || event.isComposing;
    if (busy || event.ctrlKey || event.metaKey || event.altKey || (event.repeat && !/[jk]/.test(event.key))) return;
    if (!KEYS[event.key] || stored() === "off") return;
    event.preventDefault();
    KEYS[event.key]();
  });
  if (keys) {
    box.checked = stored() !== "off";
    box.addEventListener("change", () => stored(box.checked ? "on" : "off"));
    keys.addEventListener("click", ({ target }) => target.matches("dialog, [data-close]") && keys.close());
    find("[data-keys]")?.addEventListener("click", (event) => { event.preventDefault(); keys.showModal(); });
  }

  document.addEventListener("htmx:beforeSwap", remember);
  document.addEventListener("htmx:afterSwap", restore);
  document.addEventListener("htmx:sendError", unanswered);
  setFormulas();
})();

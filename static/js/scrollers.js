// What scrolls on its own (wide code, tables, formulas, long messages) can be reached and scrolled with the keyboard, and what
// does not scroll costs no stop of the Tab key. Chromium and Firefox do this by themselves, Safari does not.

const SCROLLERS = "pre, .table-wrap, .formula";

function mark(root) {
  for (const element of root.querySelectorAll(SCROLLERS)) {
    const wide = element.scrollWidth > element.clientWidth + 1;
    const high = element.scrollHeight > element.clientHeight + 1;
    if (wide || high) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}

mark(document);
window.addEventListener("resize", () => mark(document));
document.addEventListener("toggle", (event) => mark(event.target), true);
document.addEventListener("htmx:load", (event) => mark(event.target.parentElement ?? document));

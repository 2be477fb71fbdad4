// Makes scrollable elements (wide code, tables, formulas, long messages) focusable by keyboard, and only those.
// Chromium and Firefox do this themselves, Safari does not.

const SCROLLERS = "pre, .table-wrap, .formula";

function mark(root) {
  for (const element of root.querySelectorAll(SCROLLERS)) {
    const wide = element.scrollWidth > element.clientWidth + 1;
    const high = element.scrollHeight > element.clientHeight + 1;
    if (wide || high) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}

// On a phone tabs are one row that scrolls: the current one comes into view, and only the row moves for that.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const row = tab.closest(".tabs");
  row.scrollLeft += tab.getBoundingClientRect().left - row.getBoundingClientRect().left - 24;
}

mark(document);
window.addEventListener("resize", () => mark(document));
document.addEventListener("toggle", (event) => mark(event.target), true);
document.addEventListener("htmx:load", (event) => mark(event.target.parentElement ?? document));

// The arrow keys follow the links to the previous and next pair or page, except in fields and scrollable elements.
document.addEventListener("keydown", (event) => {
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (!rel || event.defaultPrevented || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, summary, [contenteditable], [tabindex='0']")) return;
  document.querySelector(`a[rel="${rel}"]`)?.click();
});

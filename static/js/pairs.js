// The arrow keys go to the previous and the next pair or page, as the links do, outside fields and what scrolls.
document.addEventListener("keydown", (event) => {
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (!rel || event.defaultPrevented || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, summary, [contenteditable], [tabindex='0']")) return;
  document.querySelector(`a[rel="${rel}"]`)?.click();
});

// Adds arrow keys and filters that apply at once; the question pages work without it.
const FIELDS = "input, select, textarea, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.(FIELDS)) return;
  // An element that scrolls sideways keeps the arrow keys.
  const scroller = event.target.closest?.("[tabindex='0']");
  if (scroller && scroller.scrollWidth > scroller.clientWidth + 1) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = rel && document.querySelector(`a[rel="${rel}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});

const filter = document.querySelector("form.question-filter");
filter?.addEventListener("change", () => filter.requestSubmit());

// Signals that keys and filters are active.
document.documentElement.dataset.questions = "ready";

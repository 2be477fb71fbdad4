// The pages of questions work without this; it adds the arrow keys, and filters that act at once.
const FIELDS = "input, select, textarea, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.(FIELDS)) return;
  // What scrolls sideways takes the arrows for itself.
  const scroller = event.target.closest?.("[tabindex='0']");
  if (scroller && scroller.scrollWidth > scroller.clientWidth + 1) return;
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = way && document.querySelector(`a[rel="${way}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});

const filter = document.querySelector("form.question-filter");
filter?.addEventListener("change", () => filter.requestSubmit());

// Says that keys and filters act by now.
document.documentElement.dataset.questions = "ready";

// Adds keys to the review of prompts; the page works without it.
const FIELDS = "input, select, textarea, [contenteditable]";
const cards = [...document.querySelectorAll("article.evolved")];

function current() {
  return document.activeElement?.closest("article.evolved") ?? cards[0];
}

function move(by) {
  const card = document.activeElement?.closest("article.evolved");
  const to = cards[card ? cards.indexOf(card) + by : 0];
  to?.focus();
  to?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.(FIELDS)) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    event.preventDefault();
    move(key === "j" ? 1 : -1);
    return;
  }
  if (!"aeru".includes(key) || key.length !== 1) return;
  const within = key === "u" ? document : current();
  const target = within?.querySelector(`[data-key="${key}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
  if (key === "e") target.closest("details").querySelector("textarea")?.focus();
});

// One prompt is decided on once, however often its button is pressed.
for (const form of document.querySelectorAll("article.evolved form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}

// Signals that keys are active.
document.documentElement.dataset.review = "ready";

// Small enhancements of workers' pages, which work without them.

const kept = {
  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // Storage is blocked: forget the setting and continue.
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // as above
    }
  },
};

// A form that creates something is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) delete form.dataset.sent;
});

// An iPad identifies as a Macintosh; the number of touch points distinguishes them.
for (const field of document.querySelectorAll("input[name=touch]")) field.value = navigator.maxTouchPoints ?? "";

// Copying needs a secure context; otherwise the text can still be selected.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const label = button.textContent;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = label), 2000);
  });
}

// Collapsed texts stay collapsed. Listens to clicks, because toggle events also fire for inserted open elements.
document.addEventListener("click", (event) => {
  const fold = event.target.closest("summary")?.parentElement;
  if (fold?.dataset.remember) kept.set(`fold-${fold.dataset.remember}`, fold.open ? "shut" : "open");
});

function restoreFolds(root) {
  for (const fold of root.querySelectorAll("[data-remember]")) {
    const was = kept.get(`fold-${fold.dataset.remember}`);
    if (was) fold.open = was === "open";
  }
}
restoreFolds(document);
document.addEventListener("htmx:afterSwap", (event) => restoreFolds(event.target));

// Keyboard shortcuts can be turned off, for people who use speech input.
for (const box of document.querySelectorAll("[data-keys]")) {
  box.checked = kept.get("keys") !== "off";
  document.body.classList.toggle("without-keys", !box.checked);
  box.addEventListener("change", () => {
    kept.set("keys", box.checked ? "on" : "off");
    document.body.classList.toggle("without-keys", !box.checked);
  });
}
for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;

// The voting page: keyboard shortcuts, reasons after the choice, viewing time, the reservation, the focus.
// A vote is a form; htmx sends it and swaps in the next pair. Without JavaScript the browser does both.

const SETTLING = 300; // ms after a new pair arrives in which presses are ignored: they were meant for the pair before.
const POINTERS = { mouse: "mouse", touch: "touch", pen: "touch" };

const arena = () => document.getElementById("content");
const ballot = () => document.getElementById("ballot");
const trouble = () => document.getElementById("trouble");

let arrivedAt = 0;
let method = "";
let chosen = null; // The chosen button, whose vote waits for reasons.
let sent = null; // The button whose form was sent last, to send it again.
let confirmed = false; // The reasons are given: the next press of the button sends.

// ------------------------------------------------------------------ viewing time

const looking = { seconds: 0, since: null };

function look() {
  if (document.visibilityState === "visible") looking.since ??= performance.now();
}

function lookAway() {
  if (looking.since === null) return;
  looking.seconds += (performance.now() - looking.since) / 1000;
  looking.since = null;
  try {
    // The time continues after a reload or a visit to the instructions.
    sessionStorage.setItem("looked", JSON.stringify({ pair: arena().dataset.pair, seconds: looking.seconds }));
  } catch {
    // Without storage it starts again at 0.
  }
}

function restartLooking() {
  looking.seconds = 0;
  looking.since = null;
  try {
    const before = JSON.parse(sessionStorage.getItem("looked"));
    if (before?.pair === arena().dataset.pair) looking.seconds = before.seconds;
  } catch {
    // as above
  }
  look();
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    look();
    if (performance.now() - extendedAt > period()) extend();
  } else {
    lookAway();
  }
});
window.addEventListener("pagehide", lookAway);

// ------------------------------------------------------------------ the reservation

let extendedAt = performance.now();
let activeAt = performance.now();

const period = () => Number(arena().dataset.extendSeconds ?? 0) * 1000;

for (const kind of ["pointermove", "pointerdown", "keydown", "scroll", "wheel", "touchmove"]) {
  document.addEventListener(kind, () => (activeAt = performance.now()), { passive: true, capture: true });
}

async function extend() {
  if (!arena().dataset.extend) return;
  extendedAt = performance.now();
  const fields = new FormData(ballot());
  const body = new URLSearchParams({ pair: fields.get("pair"), csrfmiddlewaretoken: fields.get("csrfmiddlewaretoken") });
  const pair = fields.get("pair");
  const reply = await fetch(arena().dataset.extend, { method: "POST", body }).catch(() => null);
  // The reservation has expired: reload the page, which reserves the pair again if nobody else took it.
  if (reply?.status === 409 && pair === arena().dataset.pair) location.reload();
}

setInterval(() => {
  const now = performance.now();
  const due = period() > 0 && now - extendedAt > period();
  // An abandoned page does not keep its pair from others.
  if (due && document.visibilityState === "visible" && now - activeAt < 2 * period()) extend();
}, 5000);

// ------------------------------------------------------------------ keys

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.isComposing) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (document.body.classList.contains("without-keys") || belongsElsewhere(event.target)) return;
  if (event.key === "Escape") return unchoose();
  if (event.key === "Enter" && chosen && !event.target.closest("button, summary, a")) {
    event.preventDefault();
    return send();
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const button = ballot()?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!button || button.matches(":disabled")) return;
  event.preventDefault();
  button.click();
});

function belongsElsewhere(target) {
  if (target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable], .menu[open]")) return true;
  for (let element = target; element && element !== document.body; element = element.parentElement) {
    if (isScroller(element)) return true;
  }
  return false;
}

function isScroller(element) {
  const style = getComputedStyle(element);
  const across = element.scrollWidth > element.clientWidth + 1 && /auto|scroll/.test(style.overflowX);
  const down = element.scrollHeight > element.clientHeight + 1 && /auto|scroll/.test(style.overflowY);
  return across || down;
}

// ------------------------------------------------------------------ the vote

document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest?.("#ballot button[type=submit]");
    if (!button) return;
    // The second press of a double click, or one meant for the previous pair.
    if (event.detail > 1 || performance.now() - arrivedAt < SETTLING) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (!confirmed && button !== sent) method = POINTERS[event.pointerType] ?? (event.detail > 0 ? "mouse" : "key");
    if (button.name === "value" && reasons() && !confirmed) {
      event.preventDefault();
      event.stopPropagation();
      choose(button);
      return;
    }
    sent = button;
    button.classList.add("pressed");
    lookAway();
    ballot().elements.visible.value = looking.seconds.toFixed(2);
    ballot().elements.method.value = method;
    ballot().elements.touch.value = navigator.maxTouchPoints ?? "";
    look();
  },
  true,
);

const reasons = () => ballot()?.querySelector("[data-reasons]");

function choose(button) {
  unchoose();
  chosen = button;
  button.setAttribute("aria-pressed", "true");
  reasons().classList.add("asked");
  reasons().querySelector("[data-send]").hidden = false;
  reasons().querySelector("input").focus();
}

function unchoose() {
  chosen?.removeAttribute("aria-pressed");
  chosen = null;
  confirmed = false;
  reasons()?.classList.remove("asked");
}

function send() {
  confirmed = true;
  chosen.click();
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-send]") && chosen) send();
});

// ------------------------------------------------------------------ the next pair

function arrive() {
  arrivedAt = performance.now();
  extendedAt = arrivedAt;
  chosen = null;
  sent = null;
  confirmed = false;
  if (trouble()) trouble().hidden = true;
  restartLooking();
  showAllMore();
}

// Marks texts that continue below their visible part.
function showAllMore() {
  for (const text of arena().querySelectorAll(".pane-text, .prompt .answer")) {
    const below = text.scrollHeight - text.clientHeight - text.scrollTop;
    (text.closest(".pane") ?? text).classList.toggle("more-below", below > 8);
  }
}
document.addEventListener("scroll", showAllMore, { passive: true, capture: true });
window.addEventListener("resize", showAllMore);

arrive();
arrivedAt = -SETTLING; // A full page load replaced nothing under the pointer.

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target !== arena()) return;
  arrive();
  window.scrollTo({ top: 0, behavior: "instant" });
  const next = document.querySelector("[data-continue]") ?? document.getElementById("pair-heading");
  next.focus({ preventScroll: true });
});

// Refused: the reloaded page explains why or shows the current pair. Not sent: the worker can try again.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status < 500) location.assign(location.pathname);
  else fail();
});
// A server that says nothing for 15 seconds (hx-request in the form) counts as not reached. It may have saved the
// answer all the same; then it says so when the answer is sent again.
for (const kind of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(kind, fail);

// What was said of the answer before is not said of this one.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target !== ballot()) return;
  trouble().hidden = true;
  document.getElementById("announce").textContent = "";
});

function fail() {
  for (const button of document.querySelectorAll(".bar .pressed")) button.classList.remove("pressed");
  document.getElementById("announce").textContent = "";
  trouble().hidden = false;
  trouble().scrollIntoView({ block: "nearest" });
  trouble().querySelector("[data-send-again]").focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-send-again]") && sent?.isConnected) sent.click();
});

// ------------------------------------------------------------------ the report, in a dialog

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("[data-report]");
  const dialog = document.getElementById("dialog");
  if (!link || !dialog?.showModal || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const reply = await fetch(link.href, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!reply?.ok || reply.headers.has("HX-Redirect")) return location.assign(link.href);
  dialog.innerHTML = await reply.text();
  dialog.querySelector("[data-close]").hidden = false;
  dialog.showModal();
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-close]")) document.getElementById("dialog").close();
});

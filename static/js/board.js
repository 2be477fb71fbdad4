// Hovering over a row, or focusing something in it, keeps the rows that cannot be told from it and fades the others.
for (const table of document.querySelectorAll("table.board")) {
  const rows = [...table.tBodies[0].rows];
  const fade = (row) => {
    const alike = new Set((row?.dataset.alike ?? "").split(" ").filter(Boolean).map(Number));
    rows.forEach((other, place) => other.classList.toggle("faded", alike.size > 0 && !alike.has(place)));
  };
  for (const row of rows) {
    row.addEventListener("mouseenter", () => fade(row));
    row.addEventListener("focusin", () => fade(row));
    row.addEventListener("focusout", () => fade(null));
  }
  table.addEventListener("mouseleave", () => fade(null));
}

// Hovering over a row, or focusing something in it, fades the rows that can be distinguished from it.
const rangesOf = (row) =>
  (row?.dataset.alike ?? "")
    .split(" ")
    .filter(Boolean)
    .map((range) => range.split("-").map(Number))
    .map(([low, high = low]) => [low, high]);

for (const table of document.querySelectorAll("table.board")) {
  const rows = [...table.tBodies[0].rows];
  const fade = (row) => {
    const alike = rangesOf(row);
    rows.forEach((other, position) => {
      const kept = alike.some(([low, high]) => low <= position && position <= high);
      other.classList.toggle("faded", alike.length > 0 && !kept);
    });
  };
  for (const row of rows) {
    row.addEventListener("mouseenter", () => fade(row));
    row.addEventListener("focusin", () => fade(row));
    row.addEventListener("focusout", () => fade(null));
  }
  table.addEventListener("mouseleave", () => fade(null));
}

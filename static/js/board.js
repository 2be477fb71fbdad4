// Hovering over a row, or focusing something in it, keeps the rows that cannot be told from it and fades the others.
const places = (row) =>
  (row?.dataset.alike ?? "")
    .split(" ")
    .filter(Boolean)
    .map((range) => range.split("-").map(Number))
    .map(([low, high = low]) => [low, high]);

for (const table of document.querySelectorAll("table.board")) {
  const rows = [...table.tBodies[0].rows];
  const fade = (row) => {
    const alike = places(row);
    rows.forEach((other, place) => {
      const kept = alike.some(([low, high]) => low <= place && place <= high);
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

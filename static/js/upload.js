// Files that are dropped on the zone go into its field, and their names are listed. Without this, the field works alone.
for (const zone of document.querySelectorAll("[data-drop]")) {
  const field = zone.querySelector("input[type=file]");
  const list = zone.querySelector(".chosen");
  zone.classList.add("ready");

  function show() {
    list.replaceChildren(
      ...[...field.files].map((file) => {
        const item = document.createElement("li");
        item.textContent = file.name;
        return item;
      }),
    );
  }

  function mark(over) {
    zone.classList.toggle("over", over);
  }

  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) mark(false);
  });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (!event.dataTransfer.files.length) return;
    // Files that are there already stay: people drop one after the other.
    const all = new DataTransfer();
    for (const file of [...field.files, ...event.dataTransfer.files]) all.items.add(file);
    field.files = all.files;
    show();
  });
  field.addEventListener("change", show);
}

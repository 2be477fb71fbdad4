// Adds a PNG beside each chart's SVG file: the browser draws the file on a canvas, three times as large for print.
const SCALE = 3;

const drawn = async (address) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth * SCALE;
  canvas.height = picture.naturalHeight * SCALE;
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("too large"))), "image/png"),
  );
};

const save = (blob, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

const show = () => {
  for (const button of document.querySelectorAll("button[data-png]")) button.hidden = false;
};

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("button[data-png]");
  if (!button) return;
  button.disabled = true;
  try {
    save(await drawn(button.dataset.png), `${button.dataset.name.replace(/\.svg$/, "")}.png`);
    button.disabled = false;
  } catch {
    // A chart that no canvas holds: its SVG stands beside the button, which stays disabled.
    button.textContent = button.dataset.failed;
  }
});
// Parts of a page that htmx brings in later have charts, too.
document.addEventListener("htmx:load", show);
show();

// Suggests the address of a new study from its name, until the user enters one.
const form = document.querySelector("form[data-suggest-slug]");
const name = form?.elements.namedItem("name");
const slug = form?.elements.namedItem("slug");

const slugOf = (text) =>
  text
    .normalize("NFKD")
    .replace(/[^\w\s-]/g, "")
    .toLowerCase()
    .trim()
    .replace(/[-\s_]+/g, "-")
    .slice(0, 90);

if (name && slug) {
  let own = slug.value !== "";
  const suggest = () => {
    if (!own) slug.value = slugOf(name.value);
  };
  slug.addEventListener("input", () => (own = slug.value !== ""));
  name.addEventListener("input", suggest);
  // The user may have started typing before this was loaded.
  suggest();
}

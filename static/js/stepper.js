// .stepper > input[data-fewer][data-more]: adds a − and a + button, named by the data attributes. The field stays a
// number field: its limits hold for the buttons, too, and whoever listens to it hears every step.

function step(field, by) {
  const { min, max, value } = field;
  const least = Number(min || 0);
  const next = value === "" ? least : Number(value) + by;
  field.value = Math.min(Math.max(next, least), max ? Number(max) : Infinity);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function button(field, by, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = by > 0 ? "+" : "−";
  made.setAttribute("aria-label", label);
  made.setAttribute("aria-controls", field.id);
  made.addEventListener("click", () => step(field, by));
  return made;
}

/** Dims a button whose step the limits forbid. It keeps the focus: aria-disabled, not disabled. */
function mark(field, fewer, more) {
  const count = Number(field.value || 0);
  fewer.setAttribute("aria-disabled", String(field.value !== "" && count <= Number(field.min || 0)));
  more.setAttribute("aria-disabled", String(Boolean(field.max) && count >= Number(field.max)));
}

for (const field of document.querySelectorAll(".stepper input")) {
  const fewer = button(field, -1, field.dataset.fewer);
  const more = button(field, 1, field.dataset.more);
  field.before(fewer);
  field.after(more);
  field.addEventListener("input", () => mark(field, fewer, more));
  mark(field, fewer, more);
}

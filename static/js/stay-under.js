// #calendar, on a wide screen: opens under the date fields of its form while they are in use. It is moved there and
// back, so that there is one calendar only. stay-calendar.js must be loaded first: it fills the fields.

const wide = matchMedia("(min-width: 900px)");
const calendar = document.querySelector("#calendar");
const { form } = document.querySelector("#id_check_in");
const dates = form.querySelector(".dates");
const fields = [...dates.querySelectorAll("input")];
const guests = form.querySelector("#id_guests");
const place = document.createComment("the calendar's place while it is open");
let isReturning = false; // the focus comes back from the calendar

const isOpen = () => place.isConnected;

function open() {
  if (isOpen() || isReturning || !wide.matches) return;
  calendar.before(place);
  dates.after(calendar);
  calendar.classList.add("under");
}

/** Moves the calendar back. The focus, if it is in it, goes to `next`. */
function close(next) {
  if (!isOpen()) return;
  const hasFocus = calendar.contains(document.activeElement);
  place.replaceWith(calendar);
  calendar.classList.remove("under");
  if (!hasFocus) return;
  isReturning = true;
  next.focus();
  isReturning = false;
}

function isChosen() {
  return fields.every((field) => field.value && field.getAttribute("aria-invalid") !== "true");
}

for (const field of fields) {
  field.addEventListener("focus", open);
  field.addEventListener("input", () => {
    if (isChosen() && calendar.contains(document.activeElement)) close(guests);
  });
}
document.addEventListener("pointerdown", (event) => {
  if (!form.contains(event.target)) close(fields[0]);
});
document.addEventListener("focusin", ({ target }) => {
  if (!isOpen() || form.contains(target)) return;
  close(fields[0]);
  target.scrollIntoView({ block: "nearest" }); // the page has become longer above it
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close(fields[0]);
});
wide.addEventListener("change", () => close(fields[0]));

// form[data-submit-once]: a second press while the first is on its way does nothing.
// The server is safe without this; it spares people the wait.

const GIVE_BACK_AFTER_MS = 10_000;
const forms = document.querySelectorAll("form[data-submit-once]");

function setBusy(form, busy) {
  for (const button of form.querySelectorAll("button")) button.disabled = busy;
}

for (const form of forms) {
  form.addEventListener("submit", () => {
    // After this event: a button disabled during it would not be sent along.
    setTimeout(() => setBusy(form, true));
    setTimeout(() => setBusy(form, false), GIVE_BACK_AFTER_MS);
  });
}

// Coming back with the browser's own button shows the page as it was left.
addEventListener("pageshow", () => forms.forEach((form) => setBusy(form, false)));

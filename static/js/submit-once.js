// form[data-submit-once]: disables the buttons while a submission is in progress.
// The server handles double submissions safely; this only saves waiting.

const GIVE_BACK_AFTER_MS = 10_000;
const forms = document.querySelectorAll("form[data-submit-once]");

function setBusy(form, busy) {
  for (const button of form.querySelectorAll("button")) button.disabled = busy;
}

for (const form of forms) {
  form.addEventListener("submit", () => {
    // After this event: a button disabled during it would be left out of the submission.
    setTimeout(() => setBusy(form, true));
    setTimeout(() => setBusy(form, false), GIVE_BACK_AFTER_MS);
  });
}

// The Back button may restore the page with disabled buttons.
addEventListener("pageshow", () => forms.forEach((form) => setBusy(form, false)));

// [data-copy][data-done]: a button, shown where scripts run, that copies what stands in the field with that id.
// data-done: the word that its own [aria-live] says then.

async function copy(field) {
  field.select(); // what is selected can be copied by hand, too
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy"); // without https, and in older browsers
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (await copy(document.getElementById(button.dataset.copy))) {
      button.querySelector("[aria-live]").textContent = button.dataset.done;
    }
  });
}

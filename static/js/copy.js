// [data-copy][data-done]: a button that copies the value of the field with the id in data-copy. Hidden without scripts.
// data-done: the text that its [aria-live] element announces afterwards.

async function copy(field) {
  field.select(); // so that it can also be copied by hand
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy"); // fallback without https and in older browsers
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

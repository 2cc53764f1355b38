// [data-copy][data-done]: a button that copies the field or the text with the id in data-copy. Hidden without scripts.
// data-done: the text that its [aria-live] element announces afterwards.

function select(source) {
  if (source.select) {
    source.select();
  } else {
    getSelection().selectAllChildren(source);
  }
}

async function copy(source) {
  select(source); // so that it can also be copied by hand
  try {
    await navigator.clipboard.writeText(source.value ?? source.innerText.trim());
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

// form[data-typed]: carries its values over in the links to other months and to the other language.

const fields = [...document.querySelector("form[data-typed]").querySelectorAll(".field [name]")];
const months = document.querySelectorAll("#calendar nav a");
const sameInTheOtherLanguage = document.querySelector("footer [name=next]");

function withTyped(address) {
  const url = new URL(address, location.href);
  for (const { name, value } of fields) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  return url.pathname + url.search + url.hash;
}

function carry() {
  for (const link of months) link.href = withTyped(link.href);
  sameInTheOtherLanguage.value = withTyped(sameInTheOtherLanguage.value);
}

for (const field of fields) field.addEventListener("input", carry);
carry(); // browsers may restore values

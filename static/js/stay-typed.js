// form[data-typed]: carries its values over in the links to other months and to the other language.

const form = document.querySelector("form[data-typed]");
const fields = [...form.querySelectorAll(".field [name], .filters .tick [name]")];
const months = document.querySelectorAll("#calendar nav a");
const sameInTheOtherLanguage = document.querySelector("footer [name=next]");

function withTyped(address) {
  const url = new URL(address, location.href);
  for (const { name } of fields) url.searchParams.delete(name);
  for (const { name, value, type, checked } of fields) {
    if (value && (type !== "checkbox" || checked)) url.searchParams.append(name, value);
  }
  return url.pathname + url.search + url.hash;
}

function carry() {
  for (const link of months) link.href = withTyped(link.href);
  sameInTheOtherLanguage.value = withTyped(sameInTheOtherLanguage.value);
}

for (const field of fields) field.addEventListener("input", carry);
carry(); // browsers may restore values

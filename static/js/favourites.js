// button.heart: sends its form without leaving the page, and shows the answer in aria-pressed. A redirect is followed:
// to sign-in, or back to the page with a refusal. Without an answer the form is sent as without this script.

const form = document.querySelector("#hearts");
const hearts = document.querySelectorAll("button.heart");

async function press(heart) {
  const body = new FormData(form);
  body.set("kept", heart.value);
  const response = await fetch(heart.formAction, { method: "POST", body, headers: { Accept: "application/json" } });
  if (response.redirected) go(response.url);
  else if (response.ok) show(heart, (await response.json()).kept);
  else throw new Error(response.status);
}

function go(address) {
  location.assign(address);
  if (address.split("#")[0] === location.href.split("#")[0]) location.reload(); // only the fragment differs
}

function show(heart, isKept) {
  heart.setAttribute("aria-pressed", isKept);
  heart.value = isKept ? "0" : "1";
}

function pressed(event) {
  const heart = event.currentTarget;
  event.preventDefault();
  if (heart.ariaBusy === "true") return;
  heart.ariaBusy = "true";
  press(heart)
    .catch(() => form.requestSubmit(heart))
    .finally(() => (heart.ariaBusy = "false"));
}

for (const heart of hearts) heart.addEventListener("click", pressed);

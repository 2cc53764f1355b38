// [data-passkey]: a button that asks the browser for a passkey and sends the answer with its form.
// Hidden without scripts, and in browsers that can't read the question: there one types a code.

const canRead = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

async function answerTo(kind, question) {
  const options = JSON.parse(question);
  if (kind === "make") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  const { passkey: kind, question, field } = button.dataset;
  const failed = document.querySelector("[data-passkey-failed]");
  button.hidden = !canRead;
  button.addEventListener("click", async () => {
    if (kind === "make" && !button.form.reportValidity()) return;
    failed.hidden = true;
    try {
      const credential = await answerTo(kind, question);
      button.form.elements[field].value = JSON.stringify(credential.toJSON());
      button.form.submit();
    } catch {
      failed.hidden = false; // cancelled, timed out, or no such key on this device
    }
  });
}

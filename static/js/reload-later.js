// [data-reload-after]: loads the page again after that many seconds; so a waiting page asks Alipay again.
// Offline it waits: the browser's own page would come instead.

const { reloadAfter } = document.querySelector("[data-reload-after]").dataset;
const reload = () => location.reload();
setTimeout(() => {
  if (navigator.onLine) reload();
  else addEventListener("online", reload);
}, Number(reloadAfter) * 1000);

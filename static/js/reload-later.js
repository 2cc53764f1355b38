// [data-reload-after]: reloads the page after that many seconds, so that a waiting page queries Alipay again.
// Offline it waits for the network: a reload would show the browser's error page.

const { reloadAfter } = document.querySelector("[data-reload-after]").dataset;
const reload = () => location.reload();
setTimeout(() => {
  if (navigator.onLine) reload();
  else addEventListener("online", reload);
}, Number(reloadAfter) * 1000);

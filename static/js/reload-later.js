// [data-reload-after]: loads the page again after that many seconds; so a waiting page asks Alipay again.

const { reloadAfter } = document.querySelector("[data-reload-after]").dataset;
setTimeout(() => location.reload(), Number(reloadAfter) * 1000);

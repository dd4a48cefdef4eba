// What a page asks goes to the worker, and comes back. Nothing is checked: this is what the way itself costs.
let port;

function open() {
  const opened = chrome.runtime.connect();
  opened.onMessage.addListener((message) => postMessage({ ...message, echo: 'reply' }, location.origin));
  return opened;
}

addEventListener('message', ({ source, data }) => {
  if (source !== window || data?.echo !== 'request') return;
  port ??= open();
  port.postMessage(data);
});

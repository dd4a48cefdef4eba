// A host for each page, as long as the page is there.
chrome.runtime.onConnect.addListener((page) => {
  const host = chrome.runtime.connectNative('qcert.echo');
  page.onMessage.addListener((message) => host.postMessage(message));
  host.onMessage.addListener((message) => page.postMessage(message));
  page.onDisconnect.addListener(() => host.disconnect());
});

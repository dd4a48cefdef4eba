// What another extension can get from ours, and from its host: written on the page as it becomes known.
const { runtime } = globalThis.browser ?? chrome;
const ours = runtime.getURL('').startsWith('moz-') ? 'portal@qcert.ru' : 'janafhkdmnhiphgcpjmeohjibkidkkib';
const request = { id: '1', command: 'listTokens', params: {} };

function tell(what, outcome) {
  const line = document.createElement('p');
  line.textContent = `${what}: ${outcome}`;
  document.body.append(line);
}

/** A port that answers, or how it was closed. */
function outcomeOf(port) {
  return new Promise((resolve) => {
    port.onMessage.addListener((message) => resolve(`answered ${JSON.stringify(message)}`));
    port.onDisconnect.addListener(() => resolve(`closed, ${runtime.lastError?.message ?? port.error?.message}`));
    try {
      port.postMessage(request);
    } catch (error) {
      resolve(`closed, ${error.message}`);
    }
  });
}

const answer = runtime.sendMessage(ours, request);
tell('message', await answer.then((value) => `answered ${JSON.stringify(value)}`, (error) => `refused, ${error.message}`));
for (const name of ['page', 'window']) {
  tell(`port ${name}`, await outcomeOf(runtime.connect(ours, { name })));
}
tell('host', await outcomeOf(runtime.connectNative('ru.qcert.host')));
tell('all', 'tried');

// Asks ours and the echo in turn. Arguments: who begins, how often the later calls are made, the function that takes the
// times of each kind of call, in milliseconds.
const [begins, later, done] = arguments;
const READERS = 1000;

function call(message, isAnswer) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const hear = ({ data }) => {
      if (!isAnswer(data)) return;
      const took = performance.now() - start;
      removeEventListener('message', hear);
      if (data.error) reject(new Error(data.error.code));
      else if ('readers' in data || message.command === 'listTokens') resolve({ took, list: data.list ?? data.result.readers });
      else resolve({ took });
    };
    addEventListener('message', hear);
    postMessage(message, location.origin);
  });
}

/** `hello` asks the host once, without a token. */
const ours = (command, params) => {
  const id = crypto.randomUUID();
  return call({ qcert: 'request', id, command, params }, (data) => data?.qcert === 'reply' && data.id === id);
};
const echo = (more) => {
  const id = crypto.randomUUID();
  return call({ echo: 'request', id, ...more }, (data) => data?.echo === 'reply' && data.id === id);
};
const small = { ours: () => ours('hello', { protocolVersion: 1 }), echo: () => echo({}) };
const large = { ours: () => ours('listTokens', {}), echo: () => echo({ readers: READERS }) };
const order = begins === 'ours' ? ['ours', 'echo'] : ['echo', 'ours'];

(async () => {
  const times = { first: {}, later: { ours: [], echo: [] }, large: { ours: [], echo: [] } };
  for (const who of order) times.first[who] = (await small[who]()).took;
  for (let i = 0; i < later; i++) for (const who of order) times.later[who].push((await small[who]()).took);
  for (const who of order) await large[who](); // Ours loads its module now.
  for (let i = 0; i < later; i++) {
    for (const who of order) {
      const { took, list } = await large[who]();
      if (list.length !== READERS) throw new Error(`${who}: ${list.length} readers`);
      times.large[who].push(took);
    }
  }
  done({ times });
})().catch((error) => done({ error: error.message }));

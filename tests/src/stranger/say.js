// Posts messages and gathers what comes back for them. Arguments: the messages, the function that takes the answers.
const [messages, done] = arguments;
const heard = [];
const last = crypto.randomUUID();
const hear = ({ data }) => {
  if (data?.qcert !== 'reply' && data?.qcert !== 'event') return;
  if (data.id !== last) return heard.push(data);
  removeEventListener('message', hear);
  done(heard);
};
addEventListener('message', hear);
for (const message of messages) postMessage(message, location.origin);
postMessage({ qcert: 'request', id: last, command: 'closeWindow', params: {} }, location.origin);

// Posts a message. Arguments: the message, the function that takes its answer.
const [message, done] = arguments;
const hear = ({ data }) => {
  if (data?.qcert !== 'reply' || data.id !== message.id) return;
  removeEventListener('message', hear);
  done(data);
};
addEventListener('message', hear);
postMessage(message, location.origin);

// Elements with a role and a name, as the browser tells them to a screen reader. What is hidden, or behind a modal
// dialog, has no name there and is not found. Arguments: role, name (null: any), what to look in (null: the page).
const [role, name, inside] = arguments;
const likely = {
  button: 'button, summary, [role=button], input[type=submit], input[type=button]',
  link: 'a, [role=link]',
  textbox: 'input, textarea, [role=textbox]',
  checkbox: 'input, [role=checkbox]',
  listbox: 'select, [role=listbox]',
  option: 'option, [role=option]',
  dialog: 'dialog, [role=dialog]',
  row: 'tr, [role=row]',
  rowheader: 'th, [role=rowheader]',
  progressbar: 'progress, [role=progressbar]',
  alert: '[role=alert]',
  heading: 'h1, h2, h3, h4, [role=heading]',
  listitem: 'li, [role=listitem]',
};
const plain = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
return [...(inside ?? document).querySelectorAll(likely[role] ?? '*')].filter(
  (element) =>
    element.checkVisibility() && element.computedRole === role && (name === null || plain(element.computedName) === name),
);

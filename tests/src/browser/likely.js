// What a role may be written as: looked at first, so that not every element is asked.
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

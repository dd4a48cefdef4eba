// Elements with a role and a name, as the browser tells them to a screen reader. What is hidden, or behind a modal
// dialog, has no name there and is not found. Arguments: role, name (null: any), what to look in (null: the page).
const [role, name, inside] = arguments;
const plain = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
return [...(inside ?? document).querySelectorAll(likely[role] ?? '*')].filter(
  (element) =>
    element.checkVisibility() && element.computedRole === role && (name === null || plain(element.computedName) === name),
);

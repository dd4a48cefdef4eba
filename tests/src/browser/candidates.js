// Visible elements that may have a role. Arguments: role, what to look in (null: the page).
const [role, inside] = arguments;
return [...(inside ?? document).querySelectorAll(likely[role] ?? '*')].filter((element) => element.checkVisibility());

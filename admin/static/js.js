// Before anything is drawn: with scripts, the menu of small screens starts closed.
document.documentElement.classList.add("js");

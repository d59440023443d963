// What the page sides of all widgets begin with.

function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// JupyterLab takes arrow keys and letters for the notebook, before the page
// sees them, unless an element says no. Keys with Ctrl, Alt or Cmd stay its.
function keepKeys(el) {
  const decide = (event) => el.toggleAttribute(
    "data-lm-suppress-shortcuts",
    !(event.ctrlKey || event.altKey || event.metaKey),
  );
  window.addEventListener("keydown", decide, true);
  el.addEventListener("keydown", (event) => event.stopPropagation());
  return () => window.removeEventListener("keydown", decide, true);
}

// Calls `show` now and at each change of the named traits.
function follow(model, names, show) {
  const events = names.map((name) => `change:${name}`);
  for (const event of events) model.on(event, show);
  show();
  return () => {
    for (const event of events) model.off(event, show);
  };
}

function unique() {
  return "gpu-course-" + Math.random().toString(36).slice(2);
}

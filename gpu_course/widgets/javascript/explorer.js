function control(model, { name, label, least, most, step, options }) {
  const id = unique();
  const input = options ? make("select", { id }) : make("input", {
    id, type: "range", min: least, max: most, step,
  });
  for (const option of options ?? []) input.append(make("option", {}, option));
  const value = make("span", { className: "gpu-course-value" });
  input.addEventListener("input", () => {
    const chosen = options ? options[input.selectedIndex] : Number(input.value);
    model.set("values", { ...model.get("values"), [name]: chosen });
    model.save_changes();
  });
  const show = (values) => {
    if (options) input.selectedIndex = options.indexOf(values[name]);
    else value.textContent = input.value = values[name];
  };
  const text = make("label", { htmlFor: id }, label);
  const box = make("div", { className: "gpu-course-control" }, text, value, input);
  return { box, show };
}

function render({ model, el }) {
  const controls = model.get("controls").map((told) => control(model, told));
  const boxes = controls.map(({ box }) => box);
  const row = make("div", { className: "gpu-course-controls" }, ...boxes);
  const caption = make("p", { ariaLive: "polite" });
  const picture = make("img");
  el.classList.add("gpu-course");
  el.replaceChildren(row, caption, picture);
  const stops = [
    keepKeys(el),
    follow(model, ["values"], () => {
      for (const { show } of controls) show(model.get("values"));
    }),
    follow(model, ["picture"], () => {
      URL.revokeObjectURL(picture.src);
      const png = new Blob([model.get("picture")], { type: "image/png" });
      picture.src = URL.createObjectURL(png);
    }),
    follow(model, ["caption", "alternative"], () => {
      caption.textContent = model.get("caption");
      picture.alt = model.get("alternative");
    }),
    () => URL.revokeObjectURL(picture.src),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };

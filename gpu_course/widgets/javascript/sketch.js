const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

function render({ model, el }) {
  const side = model.get("side");
  const canvas = make("canvas", {
    width: side, height: side, tabIndex: 0, role: "application",
    ariaLabel: "Pad to draw a digit on. Arrow keys move the pen, " +
      "with Shift they draw.",
  });
  const dot = make("div", { className: "gpu-course-pen", hidden: true });
  const sheet = make("div", { className: "gpu-course-sheet" }, canvas, dot);
  const clear = make("button", { type: "button" }, "clear");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let at = [side / 2, side / 2];

  function send() {
    const rgba = pen.getImageData(0, 0, side, side).data;
    const grey = new Uint8Array(side * side);
    for (let i = 0; i < grey.length; i++) grey[i] = rgba[4 * i];
    model.set("pixels", new DataView(grey.buffer));
    model.save_changes();
  }
  function wipe() {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, side, side);
    send();
  }
  function begin(place) {
    pen.lineWidth = side / 12;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...place);
  }
  function draw(place) {
    pen.lineTo(...place);
    pen.stroke();
  }
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * side / box.width,
            (event.clientY - box.top) * side / box.height];
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    dot.hidden = true;
    begin(place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) draw(place(event));
  });
  canvas.addEventListener("pointerup", send);
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    begin(at);
    at = at.map((was, i) => Math.min(side, Math.max(0, was + 5 * move[i])));
    dot.hidden = false;
    [dot.style.left, dot.style.top] = at.map((x) => `${100 * x / side}%`);
    if (event.shiftKey) {
      draw(at);
      send();
    }
  });
  clear.addEventListener("click", wipe);
  wipe();
  el.classList.add("gpu-course");
  el.replaceChildren(sheet, clear);
  return keepKeys(el);
}

export default { render };

"""A pad to draw a digit on, in a notebook."""

import anywidget
import numpy as np
import traitlets

SIDE = 140

_JAVASCRIPT = """
function render({ model, el }) {
  const side = model.get("side");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  canvas.style.cssText = "width:280px;height:280px;border:1px solid #888;" +
    "touch-action:none;background:white;cursor:crosshair";
  canvas.setAttribute("aria-label", "draw a digit here");
  const clear = document.createElement("button");
  clear.textContent = "clear";
  clear.style.cssText = "display:block;margin-top:6px";
  const pen = canvas.getContext("2d", { willReadFrequently: true });

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
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * side / box.width,
            (event.clientY - box.top) * side / box.height];
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pen.lineWidth = side / 12;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    pen.lineTo(...place(event));
    pen.stroke();
  });
  canvas.addEventListener("pointerup", send);
  clear.addEventListener("click", wipe);
  wipe();
  el.append(canvas, clear);
}
export default { render };
"""


class SketchPad(anywidget.AnyWidget):
    """A white square to draw on with mouse, pen or finger.

    Attributes
    ----------
    pixels : bytes
        The drawing, 140×140 grey values, sent after each stroke. Observe it,
        or call `image`.
    """

    _esm = _JAVASCRIPT
    side = traitlets.Int(SIDE).tag(sync=True)
    pixels = traitlets.Bytes(b"\xff" * SIDE**2).tag(
        sync=True, from_json=lambda received, widget: bytes(received)
    )

    def __repr__(self):
        return f"SketchPad({SIDE}×{SIDE}): draw on it in a running notebook"

    def image(self):
        """Return the drawing: uint8 array (140, 140), dark ink on white."""
        grey = np.frombuffer(self.pixels, dtype="uint8")
        return grey.reshape(SIDE, SIDE)

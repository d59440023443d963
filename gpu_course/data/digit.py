"""Convert any picture of a digit to MNIST's form, 28×28 in greyscale."""

import io
import warnings
from typing import Any

import numpy as np

from gpu_course.common.reader import entrance

MAX_PIXELS = 50_000_000  # a phone's photo has 12 to 50 million
_BOX, _SIDE = 20, 28  # MNIST scales a digit into 20×20 inside 28×28
# Brands of HEIF files, mostly of HEVC pictures: ISO/IEC 23008-12
_HEIC = (
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"mif1",
    b"msf1",
)
_SAVE = "Save it as JPEG or PNG"


@entrance
def to_digit(image: Any) -> np.ndarray:
    """Return a picture of a digit in MNIST's form.

    The steps are those of the data set's authors (see the MNIST page of LeCun,
    Cortes and Burges): greyscale, light ink on a dark background, cropped to
    the ink, scaled into 20×20 keeping the proportions, and placed in 28×28 so
    that the centre of mass is in the middle.

    Parameters
    ----------
    image : path, bytes, open file, PIL image, array or tensor
        Any file that Pillow opens: its path, an open file, or its bytes, such
        as an upload's ``content``. Only the first frame counts. Or an array of
        shape (H, W), (1, H, W), (H, W, C) or (C, H, W) with 1, 3 or 4
        channels. Colours run from 0 to 1 or from 0 to 255; grey may have any
        range. Dark digits on a light background are inverted.

    Returns
    -------
    uint8 array (28, 28), 0 is background and 255 is ink.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read as a picture, is blank, or has more than
        50 million pixels (checked before decoding).
    """
    ink = _ink(_grey(image))
    rows, columns = np.nonzero(ink >= 0.25)
    ink = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return _centre(_scale(ink))


def _grey(image):
    """Return the picture as finite float32 (H, W); the scale is arbitrary."""
    if hasattr(image, "cpu"):  # a tensor; files have detach too
        image = _array_of_tensor(image)
    if isinstance(image, (np.ndarray, list, tuple)):
        grey = _grey_of_array(np.asarray(image))
    else:
        grey = _open(image)
    if grey.size == 0:
        raise ValueError(f"the picture is empty: its shape is {grey.shape}")
    _check_finite(grey)
    if grey.dtype.kind == "f":  # any range, but float32 holds less
        peak = max(float(grey.max()), -float(grey.min()))
        grey = grey / (peak or 1.0)
    return grey.astype("float32")


def _array_of_tensor(tensor):
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.double()  # NumPy has no bfloat16
    try:
        return tensor.numpy()
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"the tensor is no picture: {error}") from error


def _check_finite(array):
    if not np.isfinite(array).all():
        raise ValueError("the picture has pixels that are NaN or infinite")


def _open(image):
    """Decode a file or a PIL image; turn failures into ValueError."""
    from PIL import Image, UnidentifiedImageError

    opened = isinstance(image, Image.Image)
    name = "the image" if opened else image
    if isinstance(image, bytes | bytearray | memoryview):
        image = io.BytesIO(image)
    if hasattr(image, "read"):
        name = getattr(image, "name", "the file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if opened:
                return _decode(image)
            with Image.open(image) as file:
                return _decode(file)
    except FileNotFoundError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            f"{name} has more than {MAX_PIXELS:,} pixels; scale it down first"
        ) from None
    except UnidentifiedImageError as error:
        raise ValueError(
            f"cannot read {name} as a picture: {_unknown(image)}"
        ) from error
    except Exception as error:  # Pillow's decoders raise many types
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"cannot read {name} as a picture: {reason}"
        ) from error


def _unknown(file):
    """Return why Pillow can't read a file of unknown kind."""
    if not hasattr(file, "read"):
        with open(file, "rb") as opened:  # noqa: PTH123, may be any path
            return _unknown(opened)
    file.seek(0)
    start = file.read(12)
    if not start:
        return "it is empty"
    if start[4:8] == b"ftyp" and start[8:] in _HEIC:
        return f"it is HEIC, as phones save photos. {_SAVE}"
    return f"Pillow doesn't recognise its format. {_SAVE}"


def _decode(image):
    from PIL import Image, ImageOps

    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Image.DecompressionBombError
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return np.asarray(image)
    if image.mode == "LAB":
        image = image.getchannel("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        luminance, alpha = image.convert("L"), image.getchannel("A")
        weight = np.asarray(alpha, dtype="float32")
        mean = (np.asarray(luminance) * weight).sum() / max(weight.sum(), 1)
        ground = 255 if mean < 128 else 0
        image = Image.composite(
            luminance, Image.new("L", image.size, ground), alpha
        )
    elif image.mode not in ("1", "L"):
        image = image.convert("RGB")
    return np.asarray(image.convert("L"))


def _grey_of_array(array):
    from PIL import Image

    if array.dtype.kind not in "biuf":
        raise ValueError(f"pixels must be numbers, got {array.dtype}")
    given = array.shape
    if array.ndim == 3 and array.shape[-1] not in (1, 3, 4):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 2:
        return array
    if array.ndim != 3 or array.shape[-1] not in (3, 4):
        raise ValueError(
            "an array must have shape (H, W), (1, H, W), (H, W, C) or "
            f"(C, H, W) with C = 1, 3 or 4, got {given}"
        )
    if array.size == 0:
        return array[..., 0]
    _check_finite(array)
    low, high = array.min(), array.max()
    if not (0 <= low and high <= 255):
        raise ValueError(
            f"colours must run from 0 to 1 or to 255, got {low} to {high}"
        )
    scale = 255 if array.dtype.kind in "fb" and high <= 1 else 1
    array = np.rint(array * float(scale)).astype("uint8")
    return _open(Image.fromarray(array))


def _ink(grey):
    """Return the ink, from 0 (background) to 1, of a dark or a light digit."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ground = np.median(border)
    if ground - grey.min() > grey.max() - ground:  # dark digit, light paper
        grey, border, ground = -grey, -border, -ground
    contrast = grey.max() - ground
    if not contrast > 0:
        raise ValueError("no digit found: all pixels have the same value")
    # Paper is uneven: variation as large as at the border is not ink.
    floor = min(2 * (np.quantile(border, 0.9) - ground) / contrast, 0.5)
    ink = (grey - ground) / contrast
    return np.clip((ink - floor) / (1 - floor), 0, 1)


def _scale(ink):
    """Scale into 20×20, keeping the proportions; the strongest becomes 1."""
    from PIL import Image

    height, width = ink.shape
    factor = _BOX / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    picture = Image.fromarray(ink.astype("float32"))
    ink = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
    ink = np.clip(ink, 0, None)
    return ink / ink.max()


def _centre(ink):
    """Place the ink in 28×28 with its centre of mass on pixel (14, 14).

    MNIST's 70,000 images have it there: measured, within rounding.
    """
    height, width = ink.shape
    row = (ink.sum(axis=1) * np.arange(height)).sum() / ink.sum()
    column = (ink.sum(axis=0) * np.arange(width)).sum() / ink.sum()
    top = int(np.clip(round(_SIDE / 2 - row), 0, _SIDE - height))
    left = int(np.clip(round(_SIDE / 2 - column), 0, _SIDE - width))
    digit = np.zeros((_SIDE, _SIDE), dtype="uint8")
    digit[top : top + height, left : left + width] = np.rint(255 * ink)
    return digit

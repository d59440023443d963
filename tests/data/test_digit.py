"""Any picture becomes a digit as MNIST has it, or a clear ValueError."""

import contextlib
import io
import struct
import time
import warnings
import zlib

import numpy as np
import psutil
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image, ImageDraw

from gpu_course.data.digit import MAX_PIXELS, to_digit
from gpu_course.data.mnist import load_mnist

# Mean absolute difference allowed, in grey levels of 255, between two
# pictures of one digit. Different resampling and rounding stay below the
# first, JPEG, palettes and uneven margins below the second.
SAME, SIMILAR = 0.1, 1.5
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    images, _ = load_mnist("test", tmp_path_factory.mktemp("mnist"))
    return images.numpy()


@pytest.fixture(scope="module", params=[0, 1, 61], ids=["7", "2", "8"])
def drawing(request, mnist):
    """A digit at ten times the size, light on dark: a PIL image."""
    digit = Image.fromarray(mnist[request.param])
    return digit.resize((280, 280), Image.Resampling.BICUBIC)


def difference(a, b):
    for digit in (a, b):
        assert digit.dtype == np.uint8
        assert digit.shape == (28, 28)
    return np.abs(a.astype(int) - b).mean()


def nearest(a, b):
    """The difference up to a move by one pixel: two digits have about 40."""
    return min(
        difference(np.roll(a, (down, right), (0, 1)), b)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    )


def assert_as_mnist(digit):
    """Hold a result against what is true of every MNIST image."""
    assert digit.dtype == np.uint8
    assert digit.shape == (28, 28)
    assert digit.max() == 255
    rows, columns = np.nonzero(digit)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert max(height, width) <= 20
    for indices, size in ((rows, height), (columns, width)):
        centre = (indices * digit[digit > 0].astype(float)).sum()
        centre /= digit.sum()
        clipped = indices.min() == 0 or indices.max() == 27
        assert abs(centre - 14) <= 1 or clipped, size


def test_mnist_itself_is_nearly_unchanged(mnist):
    images = mnist[:1000]
    results = np.array([to_digit(image) for image in images])
    assert (results == images).all(axis=(1, 2)).mean() > 0.5
    assert np.abs(results - images.astype(float)).mean() < 0.5
    for result in results:
        assert_as_mnist(result)


def test_enlarging_changes_little(mnist):
    for image in mnist[:20]:
        picture = Image.fromarray(image)
        for side in (56, 280, 1400):
            big = picture.resize((side, side), Image.Resampling.BICUBIC)
            assert nearest(to_digit(big), to_digit(image)) < 12


def inverted(picture):
    return Image.eval(picture, lambda grey: 255 - grey)


def pasted(picture):
    canvas = Image.new("L", (900, 500))
    canvas.paste(picture, (600, 30))
    return canvas


def transparent(ink):
    def change(picture):
        canvas = Image.new("RGBA", picture.size, (ink, ink, ink, 0))
        canvas.putalpha(picture)
        return canvas

    return change


def with_transparent_colour(picture):
    """A palette whose first colour is the ground and is see-through."""
    canvas = picture.quantize(16)
    canvas.info["transparency"] = canvas.getpixel((0, 0))
    return canvas


def grey_and_alpha(picture):
    return Image.merge("LA", (Image.new("L", picture.size, 30), picture))


def sixteen_bits(picture):
    return Image.fromarray(np.asarray(picture).astype("uint16") * 257)


def lab(picture):
    neutral = Image.new("L", picture.size, 128)
    return Image.merge("LAB", (picture, neutral, neutral))


def on_coloured_paper(picture):
    """Blue ink on yellow paper."""
    paper = Image.new("RGB", picture.size, (250, 240, 150))
    paper.paste((20, 30, 160), mask=picture)
    return paper


MODES = {
    "same": (lambda picture: picture, 0),
    "inverted": (inverted, SAME),
    "pasted": (pasted, SAME),
    "RGB": (lambda picture: picture.convert("RGB"), SAME),
    "RGBA": (lambda picture: inverted(picture).convert("RGBA"), SAME),
    "dark-transparent": (transparent(0), SAME),
    "light-transparent": (transparent(255), SAME),
    "LA": (grey_and_alpha, SIMILAR),
    "P": (lambda picture: picture.quantize(64), SIMILAR),
    "P-transparent": (with_transparent_colour, 3),
    "CMYK": (lambda picture: picture.convert("RGB").convert("CMYK"), SAME),
    "YCbCr": (lambda picture: picture.convert("YCbCr"), SIMILAR),
    "HSV": (lambda picture: picture.convert("HSV"), SAME),
    "1": (lambda picture: picture.convert("1", dither=0), 16),
    "I": (lambda picture: picture.convert("I"), SAME),
    "I;16": (sixteen_bits, SAME),
    "F": (lambda picture: picture.convert("F"), SAME),
    "LAB": (lab, SAME),
    "coloured": (on_coloured_paper, SAME),
}


@pytest.mark.parametrize(("change", "tolerance"), MODES.values(), ids=MODES)
def test_any_mode_gives_the_same_digit(drawing, change, tolerance):
    result = to_digit(change(drawing))
    assert difference(result, to_digit(drawing)) <= tolerance
    assert_as_mnist(result)


@pytest.mark.parametrize(
    ("suffix", "mode", "tolerance"),
    [
        ("png", "L", 0),
        ("png", "P", SIMILAR),
        ("png", "I;16", SAME),
        ("jpg", "RGB", SIMILAR),
        ("jpg", "CMYK", SIMILAR),
        ("gif", "L", SAME),
        ("bmp", "RGB", SAME),
        ("tiff", "L", 0),
        ("tiff", "F", SAME),
        ("tiff", "LAB", SAME),
        ("webp", "RGB", SIMILAR),
        ("ico", "RGBA", SIMILAR),
    ],
)
def test_any_file_gives_the_same_digit(
    drawing, tmp_path, suffix, mode, tolerance
):
    changes = {"I;16": sixteen_bits, "LAB": lab}
    change = changes.get(mode, lambda picture: picture.convert(mode))
    path = tmp_path / f"digit.{suffix}"
    options = {"sizes": [(256, 256)]} if suffix == "ico" else {}
    if suffix == "ico":
        drawing = drawing.resize((256, 256))
    change(drawing).save(path, **options)
    expected = to_digit(drawing)
    content = path.read_bytes()
    for picture in (
        path,
        str(path),
        io.BytesIO(content),
        content,
        bytearray(content),
        memoryview(content),
    ):
        assert difference(to_digit(picture), expected) <= tolerance
    with path.open("rb") as file:
        assert difference(to_digit(file), expected) <= tolerance


def test_the_first_frame_counts(drawing, tmp_path):
    path = tmp_path / "two.gif"
    other = drawing.transpose(Image.Transpose.ROTATE_90)
    drawing.save(path, save_all=True, append_images=[other])
    assert difference(to_digit(path), to_digit(drawing)) <= SAME


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_exif_says(drawing, tmp_path, orientation):
    transpose = Image.Transpose
    undone_by = {  # orientation of EXIF: how a camera stored the picture
        1: None,
        2: transpose.FLIP_LEFT_RIGHT,
        3: transpose.ROTATE_180,
        4: transpose.FLIP_TOP_BOTTOM,
        5: transpose.TRANSPOSE,
        6: transpose.ROTATE_90,
        7: transpose.TRANSVERSE,
        8: transpose.ROTATE_270,
    }[orientation]
    stored = drawing if undone_by is None else drawing.transpose(undone_by)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.png"
    stored.save(path, exif=exif)
    assert difference(to_digit(path), to_digit(drawing)) == 0


def test_damaged_exif_is_passed_over_in_silence(drawing, tmp_path):
    path = tmp_path / "photo.jpg"
    drawing.save(path, quality=100, exif=b"Exif\0\0II*\0\x08\0\0\0\x01")
    assert difference(to_digit(path), to_digit(drawing)) <= SIMILAR


ARRAYS = {
    "uint8": lambda grey: grey,
    "0..1": lambda grey: grey / 255,
    "float16": lambda grey: (grey / 255).astype("float16"),
    "inverted": lambda grey: 255 - grey,
    "negative": lambda grey: grey.astype(int) - 1000,
    "huge": lambda grey: grey * 1e300,
    "huge-float32": lambda grey: grey * np.float32(1e36),
    "1HW": lambda grey: grey[None],
    "HW1": lambda grey: grey[..., None],
    "CHW": lambda grey: np.stack([grey] * 3),
    "HWC": lambda grey: np.stack([grey] * 3, axis=-1),
    "HWC-0..1": lambda grey: np.stack([grey / 255] * 3, axis=-1),
    "4HW": lambda grey: np.stack([grey] * 3 + [np.full_like(grey, 255)]),
    "fortran": lambda grey: np.asfortranarray(grey)[::-1][::-1],
    "big-endian": lambda grey: grey.astype(">u2"),
    "list": lambda grey: grey.tolist(),
    "tensor": torch.tensor,
    "gradient": lambda grey: torch.tensor(grey / 255, requires_grad=True)[
        None
    ],
    "half": lambda grey: torch.tensor(grey).half(),
}


@pytest.mark.parametrize("change", ARRAYS.values(), ids=ARRAYS)
def test_any_array_gives_the_same_digit(drawing, change):
    grey = np.asarray(drawing)
    assert difference(to_digit(change(grey)), to_digit(drawing)) <= SAME


def test_a_tensor_in_bfloat16_is_a_picture(drawing):
    tensor = torch.tensor(np.asarray(drawing) / 255).bfloat16()
    assert difference(to_digit(tensor), to_digit(drawing)) < SIMILAR


def test_a_boolean_array_is_black_and_white(drawing):
    black_and_white = np.asarray(drawing) > 127
    assert (
        difference(
            to_digit(black_and_white),
            to_digit(black_and_white * np.uint8(255)),
        )
        == 0
    )


def test_the_picture_itself_is_left_alone(drawing):
    array = np.array(drawing)
    kept = array.copy()
    to_digit(array)
    assert (array == kept).all()


@pytest.mark.parametrize("side", [280, 1000, 3000])
def test_a_thin_pen_on_a_big_canvas_leaves_a_whole_stroke(side):
    canvas = Image.new("L", (side, side), 255)
    corners = [(0.3, 0.1), (0.7, 0.1), (0.4, 0.9)]  # a seven
    points = [(x * side, y * side) for x, y in corners]
    ImageDraw.Draw(canvas).line(points, fill=0, width=max(1, side // 200))
    digit = to_digit(canvas)
    assert_as_mnist(digit)
    assert ((digit > 64).sum(axis=1) > 0).sum() == 20


def test_uneven_paper_is_not_ink(drawing):
    light = np.linspace(0.8, 1, 280)
    noise = np.random.default_rng(0).normal(0, 3, (280, 280))
    paper = 230 - 0.6 * np.asarray(drawing)
    photo = np.clip(paper * light + noise, 0, 255).astype("uint8")
    assert difference(to_digit(photo), to_digit(drawing)) < 12


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((9, 9)), "no digit found"),
        (np.full((9, 9, 3), 200, dtype="uint8"), "no digit found"),
        (Image.new("RGBA", (9, 9)), "no digit found"),
        (Image.new("L", (1, 1)), "no digit found"),
        (np.zeros((0, 9)), r"empty: its shape is \(0, 9\)"),
        (np.zeros((0, 9, 3)), "empty"),
        (Image.new("L", (0, 9)), "empty"),
        ([], "must have shape"),
        (np.array([[0, np.nan], [1, 0]]), "NaN or infinite"),
        (np.full((9, 9, 3), np.nan), "NaN or infinite"),
        (np.array([[0, np.inf], [1, 0]]), "NaN or infinite"),
        (Image.fromarray(np.float32([[0, np.inf]])), "NaN or infinite"),
        (np.array([[None, 1]]), "must be numbers, got object"),
        (np.array([["a", "b"]]), "must be numbers, got <U1"),
        (np.array([[1j, 2]]), "must be numbers, got complex128"),
        (torch.tensor([[1j, 2]]), "must be numbers, got complex64"),
        (torch.eye(3).to_sparse(), "tensor is no picture"),
        ([[1, 2], [3]], "inhomogeneous"),
        (np.array(3.0), "must have shape"),
        (np.zeros(784), r"must have shape .* got \(784,\)"),
        (np.zeros((9, 9, 2)), "must have shape"),
        (np.zeros((5, 28, 28)), "must have shape"),
        (np.zeros((1, 1, 28, 28)), "must have shape"),
        (np.full((9, 9, 3), -1), "to 255, got -1 to -1"),
        (np.full((9, 9, 3), 256.0), "to 255, got 256"),
        (None, "cannot read None"),
        (7, "cannot read 7"),
    ],
)
def test_what_is_no_digit_is_a_clear_error(picture, message):
    with pytest.raises(ValueError, match=message):
        to_digit(picture)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        to_digit(tmp_path / "nothing.png")


def png(drawing):
    file = io.BytesIO()
    drawing.save(file, "png")
    return file.getvalue()


@pytest.mark.parametrize("cut", [0, 1, 20, 100, 1000])
def test_a_truncated_file_is_named(drawing, tmp_path, cut):
    path = tmp_path / "cut.png"
    path.write_bytes(png(drawing)[:cut])
    with pytest.raises(ValueError, match=r"cannot read .*cut\.png as a pict"):
        to_digit(path)


def test_a_truncated_file_that_pillow_has_opened_is_an_error_too(drawing):
    with (
        Image.open(io.BytesIO(png(drawing)[:1000])) as opened,
        pytest.raises(ValueError, match="cannot read the image"),
    ):
        to_digit(opened)


def test_a_text_file_and_a_folder_are_named(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    for path in (tmp_path / "notes.png", tmp_path):
        with pytest.raises(ValueError, match=f"cannot read {path}"):
            to_digit(path)


def heic(brand):
    """Return the beginning of a phone's photo, a box that names its kind."""
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(500)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (heic(b"heic"), "it is HEIC, as phones save photos. Save it as JPEG"),
        (heic(b"mif1"), "it is HEIC"),
        (b"", "it is empty"),
        (b"%PDF-1.7", "Pillow doesn't recognise its format. Save it as JPEG"),
    ],
)
@pytest.mark.parametrize("kind", ["path", "bytes", "upload", "file"])
def test_a_file_of_another_kind_says_what_to_do(
    content, reason, kind, tmp_path
):
    path = tmp_path / "photo.heic"
    path.write_bytes(content)
    given = {
        "path": path,
        "bytes": content,
        "upload": memoryview(content),
        "file": io.BytesIO(content),
    }[kind]
    name = str(path) if kind == "path" else "the file"
    with pytest.raises(ValueError, match="as a picture") as raised:
        to_digit(given)
    assert str(raised.value).startswith(
        f"cannot read {name} as a picture: {reason}"
    )
    assert "object at 0x" not in str(raised.value)


def declared(width, height):
    """Return a PNG file of under 300 bytes that claims so many pixels."""

    def chunk(kind, body):
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "size",
    [(7072, 7072), (10_000, 10_000), (50_000, 50_000), (2**31 - 1, 1000)],
)
def test_a_decompression_bomb_is_refused_unread(tmp_path, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(declared(*size))
    assert path.stat().st_size < 300
    before, started = psutil.Process().memory_info().rss, time.perf_counter()
    with pytest.raises(
        ValueError, match=r"bomb\.png has more than 50,000,000"
    ):
        to_digit(path)
    assert time.perf_counter() - started < 1
    assert psutil.Process().memory_info().rss - before < 20e6


def test_the_limit_holds_where_pillows_own_is_off(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(ValueError, match="more than 50,000,000 pixels"):
        to_digit(io.BytesIO(declared(MAX_PIXELS + 1, 1)))


def result_or_value_error(picture):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        digit = None
        with contextlib.suppress(ValueError):
            digit = to_digit(picture)
    if digit is not None:
        assert_as_mnist(digit)


def seven():
    canvas = Image.new("RGB", (40, 40), (250, 240, 230))
    ImageDraw.Draw(canvas).line([(9, 9), (30, 9), (15, 35)], fill=0, width=4)
    return canvas


def valid_files():
    modes = {
        "PNG": ("P", "LA"),
        "JPEG": ("L", "CMYK"),
        "GIF": ("P",),
        "BMP": ("RGB", "1"),
        "TIFF": ("I;16", "RGB"),
        "WEBP": ("RGBA",),
        "ICO": ("RGBA",),
        "PPM": ("L",),
        "TGA": ("RGB",),
    }
    for kind, several in modes.items():
        for mode in several:
            picture = seven()
            if mode == "I;16":
                picture = sixteen_bits(picture.convert("L"))
            exif = Image.Exif()
            exif[0x0112], exif[0x010E] = 6, "a seven"
            file = io.BytesIO()
            picture.convert(mode).save(file, kind, exif=exif)
            yield file.getvalue()


FILES = list(valid_files())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_fuzz_random_bytes(content):
    result_or_value_error(io.BytesIO(content))


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_fuzz_mutated_files(data):
    content = bytearray(data.draw(st.sampled_from(FILES)))
    last = len(content) - 1
    place = st.one_of(st.integers(0, min(last, 150)), st.integers(0, last))
    changes = st.lists(st.tuples(place, st.integers(0, 255)), max_size=8)
    for index, byte in data.draw(changes):
        content[index] = byte
    end = data.draw(st.one_of(st.none(), st.integers(0, last)))
    result_or_value_error(io.BytesIO(content[:end]))


@settings(max_examples=400, deadline=None)
@given(
    npst.arrays(
        dtype=npst.scalar_dtypes(),
        shape=st.one_of(
            npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
            st.tuples(st.integers(1, 60), st.integers(1, 60)),
            st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
        ),
    )
)
@example(np.array([[0, 5e-324], [0, 0]]))
@example(np.array([[-1.7e308, 1.7e308]]))
@example(np.array([[2**64 - 1, 0]], dtype="uint64"))
@example(np.array([[-(2**63), 2**63 - 1]]))
@example(np.full((2, 2), np.longdouble("1e4000")))
def test_fuzz_random_arrays(array):
    result_or_value_error(array)


def test_fuzzing_files_starts_from_files_that_work():
    for content in FILES:
        assert_as_mnist(to_digit(io.BytesIO(content)))

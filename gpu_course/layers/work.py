"""The work of each layer's forward pass: parameters, FLOPs and bytes.

FLOPs: a multiplication, an addition and a comparison count one each. A sum
starts from the bias, so a sum of M products is 2 M FLOPs. Bytes: the input,
the parameters and the output count once each, as if every element moved
between memory and the chip exactly once.
"""

from dataclasses import dataclass

from gpu_course.hardware.roofline import Work
from gpu_course.layers.convolution import output_size

FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class LayerWork(Work):
    """The work of a layer, with its shapes.

    Attributes
    ----------
    parameters : int
        Weights and biases.
    shape : tuple of int
        The shape of one image's output.
    """

    parameters: int = 0
    shape: tuple = ()


def convolution_work(
    name: str,
    images: int,
    x: tuple[int, ...],
    filters: int,
    window: int,
    stride: int = 1,
    padding: int = 0,
) -> LayerWork:
    """Return the work of a convolution with square windows.

    Parameters
    ----------
    name : str
    images : int
    x : tuple of int
        Shape (C, H, W) of an image.
    filters, window, stride, padding : int

    Raises
    ------
    ValueError
        If there are no images or a window does not fit. The other
        functions here raise it too.
    """
    channels = x[0]
    shape = filters, *_pooled(x, window, stride, padding)
    terms = channels * window * window
    return _work(
        name,
        images,
        x,
        shape,
        filters * (terms + 1),
        2 * terms * _size(shape),
    )


def pool_work(
    name: str,
    images: int,
    x: tuple[int, ...],
    size: int = 2,
    stride: int | None = None,
) -> LayerWork:
    """Return the work of max-pooling: size² - 1 comparisons per window.

    It does not count the positions of the maxima that training keeps.
    """
    shape = x[0], *_pooled(x, size, size if stride is None else stride, 0)
    return _work(name, images, x, shape, 0, (size**2 - 1) * _size(shape))


def relu_work(name: str, images: int, x: tuple[int, ...]) -> LayerWork:
    """Return the work of ReLU: one comparison per element."""
    return _work(name, images, x, x, 0, _size(x))


def linear_work(
    name: str, images: int, inputs: int, outputs: int
) -> LayerWork:
    """Return the work of a linear layer."""
    return _work(
        name,
        images,
        (inputs,),
        (outputs,),
        outputs * (inputs + 1),
        2 * inputs * outputs,
    )


def lenet_work(images: int) -> tuple[LayerWork, ...]:
    """Return the work of each layer of `models.LeNet`, in order.

    Parameters
    ----------
    images : int

    Returns
    -------
    tuple of LayerWork
    """
    layers, shape = [], (1, 28, 28)
    for number, filters in ((1, 6), (2, 16)):
        layers.append(
            convolution_work(f"conv{number}", images, shape, filters, 5)
        )
        layers.append(pool_work(f"pool{number}", images, layers[-1].shape))
        layers.append(relu_work(f"relu{number}", images, layers[-1].shape))
        shape = layers[-1].shape
    inputs = _size(shape)
    for number, outputs in ((1, 120), (2, 84), (3, 10)):
        layers.append(linear_work(f"fc{number}", images, inputs, outputs))
        if number < 3:
            layers.append(relu_work(f"relu{number + 2}", images, (outputs,)))
        inputs = outputs
    return tuple(layers)


def _work(name, images, x, shape, parameters, flops):
    """Return the work for a batch of images, from the FLOPs of one image."""
    if images < 1:
        raise ValueError(f"images must be at least 1, got {images}")
    elements = images * (_size(x) + _size(shape)) + parameters
    return LayerWork(
        name, images * flops, FLOAT32 * elements, None, parameters, shape
    )


def _pooled(x, window, stride, padding):
    return tuple(output_size(s, window, stride, padding) for s in x[1:])


def _size(shape):
    size = 1
    for part in shape:
        size *= part
    return size

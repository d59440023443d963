"""momentum_step: SGD with momentum, one thread per parameter."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.exercises.checking.mistakes import (
    GUARD_OFF_BY_ONE,
    MISSING_GUARD,
)

PLACE = 1
TITLE = "A step with momentum"
TASK = (
    "Move each parameter by SGD with momentum, in place, one thread a "
    "parameter: first `velocity = momentum * velocity + g`, then "
    "`theta = theta - rate * velocity`. There may be more threads than "
    "parameters."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def momentum_step(theta, g, velocity, rate, momentum):
    i = cuda.grid(1)
    if i < theta.size:
        theta[i] -= rate * g[i]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def momentum_step(theta, g, velocity, rate, momentum):
    i = cuda.grid(1)
    if i < theta.size:
        velocity[i] = momentum * velocity[i] + g[i]
        theta[i] -= rate * velocity[i]
"""


def specification(theta, g, velocity, rate, momentum):
    velocity[:] = momentum * velocity + g
    theta[:] = theta - rate * velocity


def uphill(theta, g, velocity, rate, momentum):
    velocity[:] = momentum * velocity + g
    theta[:] = theta + rate * velocity


def rate_in_velocity(theta, g, velocity, rate, momentum):
    velocity[:] = momentum * velocity + rate * g
    theta[:] = theta - velocity


def old_velocity(theta, g, velocity, rate, momentum):
    theta[:] = theta - rate * velocity
    velocity[:] = momentum * velocity + g


def without_momentum(theta, g, velocity, rate, momentum):
    theta[:] = theta - rate * g


def arguments(n, random):
    theta, g, velocity = random.normal(size=(3, n)).astype(np.float32)
    return theta, g, velocity, np.float32(0.375), np.float32(0.8125)


def cases():
    return line_launches(arguments)


TOLERANCE = 1e-6
WRONG = (
    ("uphill", "-= rate", "+= rate"),
    (
        "rate_in_velocity",
        "+ g[i]",
        "+ rate * g[i]",
        "-= rate * velocity",
        "-= velocity",
    ),
    (
        "old_velocity",
        "        velocity[i] = momentum * velocity[i] + g[i]\n"
        "        theta[i] -= rate * velocity[i]\n",
        "        theta[i] -= rate * velocity[i]\n"
        "        velocity[i] = momentum * velocity[i] + g[i]\n",
    ),
    ("missing_guard", "if i < theta.size:", "if True:"),
    ("guard_off_by_one", "i < theta", "i <= theta"),
    ("non_atomic_update", "cuda.grid(1)", "cuda.threadIdx.x"),
    (
        "work_not_shared",
        "    i = cuda.grid(1)\n    if i < theta.size:\n",
        "    n = theta.size\n"
        "    for i in range(n if cuda.grid(1) == 0 else 0):\n",
    ),
)
HINTS = (
    "What does a parameter do whose gradient is 0 and whose velocity isn't?",
    "Renew velocity[i] first, and move theta[i] by what it is then.",
    "velocity[i] = momentum * velocity[i] + g[i], and then "
    "theta[i] -= rate * velocity[i]",
)
MISTAKES = (
    MISSING_GUARD,
    GUARD_OFF_BY_ONE,
    Mistake(
        "uphill",
        "The parameters move along the gradient, and the "
        "loss rises: subtract.",
        gives=uphill,
    ),
    Mistake(
        "rate_in_velocity",
        "The rate is in the velocity. It belongs "
        "to the step alone: with a schedule, what older gradients "
        "left must follow the new rate.",
        gives=rate_in_velocity,
    ),
    Mistake(
        "old_velocity",
        "The parameters move by the velocity of the "
        "step before: renew it first.",
        gives=old_velocity,
    ),
    Mistake(
        "without_momentum",
        "That is gradient descent without "
        "momentum: the velocity is neither renewed nor used.",
        gives=without_momentum,
    ),
)

"""Errors that end a launch early."""

NOT_IN_ITS_MASK = (
    "is not in the mask that it gives to this warp operation, and a lane has "
    "to name itself"
)


class LaunchError(RuntimeError):
    """A launch could not finish; the message names line and threads."""


class Stop(LaunchError):
    """A finding after which the launch can't go on."""

    def __init__(self, finding):
        super().__init__(finding.message)
        self.finding = finding


class OutOfBounds(Stop, IndexError):
    """An index outside its axis."""


class TooSlow(Exception):
    """The launch has used up the time it was given."""

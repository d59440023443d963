"""How a launch ends early."""


class LaunchError(RuntimeError):
    """A launch could not finish; the message names line and threads."""


class Stop(LaunchError):
    """A finding that makes going on impossible."""

    def __init__(self, finding):
        super().__init__(finding.message)
        self.finding = finding


class OutOfBounds(Stop, IndexError):
    """An index that is not in its axis."""


class TooSlow(Exception):
    """The launch has used up the time it was given."""

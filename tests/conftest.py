"""What every test needs to be the same wherever the tests are started."""

import signal

# A shell that starts the tests in the background has Ctrl-C ignored, and what
# is ignored is inherited. A handler is not: what the tests start gets Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

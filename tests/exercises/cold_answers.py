"""Answers that import torch first in a process; see `test_exercise_limited`.

It prints as JSON the check's result, and a small network's loss before and
after training. The losses show whether torch still works afterwards.
"""

import json
import os
import signal
import sys
import threading
import time

from gpu_course.exercises import check


def scheduled(step, steps, top):
    """Return the rate of torch's schedule; its first optimizer is slow."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=top)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, top, steps)
    for _ in range(step):
        optimizer.step()
        schedule.step()
    return schedule.get_last_lr()[0]


def without_end(step, steps, top):
    import torch

    while torch.ones(1).item():
        step += 1


def result_of(answer):
    found = check("one_cycle_rate", answer)
    return "passed" if found.passed else found.kind


def send_interrupt():
    """Send Ctrl-C as soon as torch is being imported."""
    while "torch" not in sys.modules:
        time.sleep(0.01)
    time.sleep(0.2)
    send_interrupt.at = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)


def interrupted():
    threading.Thread(target=send_interrupt, daemon=True).start()
    try:
        return {"result": result_of(scheduled)}
    except KeyboardInterrupt:
        took = time.perf_counter() - send_interrupt.at
        return {"result": "interrupted", "seconds": took}


def losses():
    import torch

    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 20)[:, None]
    layer = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    seen = []
    for _ in range(50):
        loss = ((layer(x) - 2 * x) ** 2).mean()
        seen.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"first_loss": seen[0], "loss": seen[-1]}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert "torch" not in sys.modules
    what = sys.argv[1]
    if what == "interrupt":
        found = interrupted()
    else:
        found = {
            "result": result_of(
                {"schedule": scheduled, "loop": without_end}[what]
            )
        }
    print(json.dumps({**found, **losses()}))

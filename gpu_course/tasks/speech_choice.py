"""How the changes of the sound were chosen, without the test recordings.

For ``speech`` the networks learn from takes 5 to 19 and are judged on takes
20 to 24. For ``speech-speaker`` each of six networks leaves out two
neighbours in the circle of speakers. The changes for a stranger are those
with the best mean over its two neighbours, each judged by the network that
saw neither it nor the stranger: the stranger has no part in them.

``python -m gpu_course.tasks.speech_choice`` measures all of it again, and
prints what ``choices/speech.json`` holds.
"""

import json
from importlib import resources

import torch

from gpu_course.data.spoken_digits import TAKES, TEST_TAKES
from gpu_course.tasks import speech
from gpu_course.training.loop import fit
from gpu_course.training.sound_changes import NAMES

STORED = resources.files("gpu_course.tasks") / "choices" / "speech.json"
CANDIDATES = (
    (),
    *((name,) for name in NAMES),
    ("shift", "masks"),
    ("speed", "shift", "noise", "masks"),
)
VALIDATION_TAKES = 5
COUNT = len(speech.SPEAKERS)
PAIRS = [(k, (k + 1) % COUNT) for k in range(COUNT)]


def title(changes: tuple) -> str:
    """Return the name of a candidate, such as ``shift + masks``."""
    return " + ".join(changes) or "none"


def on_known_speakers(changes: tuple, seed: int = 0) -> float:
    """Return the accuracy on the validation takes."""
    device, first = torch.device("cpu"), TAKES - VALIDATION_TAKES
    train = speech.spoken_takes(range(TEST_TAKES, first), device)
    judged = speech.spoken_takes(range(first, TAKES), device)
    torch.manual_seed(seed)
    network = speech.SpokenDigitNet()
    _fit(network, train, speech.loss_with(changes), seed)
    with torch.no_grad():
        return speech.share_right(network.eval(), judged)


def on_other_speakers(changes: tuple, seed: int = 0) -> dict[str, list]:
    """Return for each stranger the accuracies on its two neighbours."""
    device = torch.device("cpu")
    everything = speech.spoken_takes(range(TAKES), device)
    torch.manual_seed(seed)
    networks = speech.LeavingOut(PAIRS)
    loss = speech.loss_leaving_out([changes] * len(PAIRS))
    _fit(networks, everything, loss, seed)
    networks.eval()
    shares: dict[str, list] = {name: [] for name in speech.SPEAKERS}
    with torch.no_grad():
        for pair, network in zip(PAIRS, networks, strict=True):
            for stranger, judged in (pair, pair[::-1]):
                part = speech.spoken_by(everything, judged)
                share = speech.share_right(network, part)
                shares[speech.SPEAKERS[stranger]].append(share)
    return shares


def _fit(model, train, loss, seed):
    fit(
        model,
        train,
        speech.RECIPE,
        loss=loss,
        seed=seed,
        device="cpu",
        progress=False,
    )


def stored() -> dict:
    """Return what was measured: {"known": …, "other": …} by candidate."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def best(stranger: str | None = None) -> tuple:
    """Return the changes chosen for a stranger, or for known speakers.

    Of equal candidates the first counts.
    """
    measured = stored()

    def mean(changes):
        if stranger is None:
            shares = measured["known"][title(changes)]
        else:
            shares = measured["other"][title(changes)][stranger]
        return sum(shares) / len(shares)

    return max(CANDIDATES, key=mean)


if __name__ == "__main__":
    torch.set_num_threads(1)
    found: dict[str, dict] = {"known": {}, "other": {}}
    for tried in CANDIDATES:
        found["known"][title(tried)] = [
            on_known_speakers(tried, seed) for seed in range(2)
        ]
        found["other"][title(tried)] = on_other_speakers(tried)
    print(json.dumps(found, indent=1))

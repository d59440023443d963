"""The quiz at the end of a chapter, in a browser, with an answer to each slip.

Questions are in ``gpu_course/quizzes/CHAPTER.json``, in the form that
jupyterquiz reads.
"""

import json
import random
from pathlib import Path

FOLDER = Path(__file__).parent / "quizzes"


def questions(chapter):
    """Return the questions of a chapter.

    Parameters
    ----------
    chapter : str
        The notebook's name without its ending.

    Returns
    -------
    list of dict
        ``question`` and ``answers``; each answer has ``answer``, ``correct``
        and ``feedback``.

    Raises
    ------
    ValueError
        If there is no quiz for it.
    """
    path = FOLDER / f"{chapter}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.json")))
        raise ValueError(f"no quiz for {chapter!r}; there are {known}")
    return json.loads(path.read_text(encoding="utf-8"))


def show_quiz(chapter):
    """Show the quiz of a chapter; choosing an answer says why it is wrong.

    The order of the answers is random in the browser. The page's element
    ids are the same on each run, so that stored outputs are.
    """
    from jupyterquiz import display_quiz

    asked = [{"type": "multiple_choice", **q} for q in questions(chapter)]
    state = random.getstate()
    try:
        random.seed(chapter)
        display_quiz(asked, max_width=700, colors=COLOURS)
    finally:
        random.setstate(state)


COLOURS = {  # Okabe and Ito; white on them can be read
    "--jq-multiple-choice-bg": "#0072B2",
    "--jq-many-choice-bg": "#0072B2",
    "--jq-incorrect-color": "#D55E00",
    "--jq-correct-color": "#007A5A",
}

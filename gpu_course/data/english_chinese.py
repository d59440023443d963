"""Short English sentences and their Chinese translations.

Source: Tatoeba (tatoeba.org), by way of manythings.org/anki; licence
CC BY 2.0 FR. Each pair names its authors.
"""

from dataclasses import dataclass

from gpu_course.data.carried import carried


@dataclass(frozen=True)
class Pair:
    """A sentence in two languages.

    Attributes
    ----------
    english, chinese : str
    attribution : str
        Licence, source and authors.
    """

    english: str
    chinese: str
    attribution: str


def load_pairs() -> list[Pair]:
    """Return the 29,155 pairs, the short sentences first.

    An English sentence occurs once for each of its translations.

    Raises
    ------
    DataError
        If the file in the package is damaged.
    """
    text = carried("english_chinese", "cmn.txt").decode()
    return [Pair(*line.split("\t")) for line in text.splitlines()]

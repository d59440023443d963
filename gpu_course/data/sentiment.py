"""Review sentences, half of them positive: products, films, restaurants.

Source: D. Kotzias, M. Denil, N. de Freitas and P. Smyth, "From Group to
Individual Labels using Deep Features", KDD 2015, doi:10.1145/2783258.2783380;
licence CC BY 4.0.
"""

from dataclasses import dataclass

from gpu_course.data.carried import carried

SITES = {"products": "amazon_cells", "films": "imdb", "restaurants": "yelp"}


@dataclass(frozen=True)
class Sentence:
    """A sentence of a review.

    Attributes
    ----------
    text : str
    positive : bool
    about : {"products", "films", "restaurants"}
    """

    text: str
    positive: bool
    about: str


def load_sentences() -> list[Sentence]:
    """Return the 3,000 sentences, 1,000 of each kind of review.

    Raises
    ------
    DataError
        If a file in the package is damaged.
    """
    sentences = []
    for about, site in SITES.items():
        text = carried("sentiment", f"{site}_labelled.txt").decode()
        for line in text.splitlines():
            sentence, label = line.rsplit("\t", 1)
            sentences.append(Sentence(sentence.strip(), label == "1", about))
    return sentences

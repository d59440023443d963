"""chrF against sacreBLEU's values, sums by hand, and what it must obey."""

import pytest

from gpu_course.tasks.chrf import chrf

TRANSLATIONS = ["你好。", "他 在家。", "ab", "thanks a lot", "x", "abcdef"]
CORPUS, CORPUS_3_1 = 32.10933123354949, 47.90304388335234  # of sacreBLEU
REFERENCES = [
    ["您好。", "你好！"],
    ["他在家里。"],
    ["abcdefgh"],
    ["thanks very much", "many thanks"],
    ["y"],
    ["ab"],
]


@pytest.mark.parametrize(
    ("said", "right", "score"),
    [
        ("我很好。", ["我好。"], 46.42857142857143),
        ("他来了", ["她来了吗？", "他来过"], 38.888888888888886),
        ("abcdefg", ["abcxefgh"], 28.372965347755258),
        ("我很好。", ["我很好。"], 100),
    ],
)
def test_a_sentence_as_sacrebleu_2_6_judges_it(said, right, score):
    assert 100 * chrf([said], [right]) == pytest.approx(score, rel=1e-12)


def test_a_text_as_sacrebleu_2_6_judges_it():
    got = 100 * chrf(TRANSLATIONS, REFERENCES)
    assert got == pytest.approx(CORPUS, rel=1e-12)
    got = 100 * chrf(TRANSLATIONS, REFERENCES, longest=3, beta=1)
    assert got == pytest.approx(CORPUS_3_1, rel=1e-12)


def test_by_hand():
    # "abc" and "abd": 2 of 3 characters, 1 of 2 pairs, 0 of 1 triples; as many
    # on both sides, so F is the mean for every beta.
    mean = (2 / 3 + 1 / 2 + 0) / 3
    for beta in (1, 2, 5):
        assert chrf(["abc"], [["abd"]], beta=beta) == pytest.approx(mean)


def test_recall_counts_more():
    # One run of each length is right: precision 1, recall 1/2 and 1/3.
    assert chrf(["ab"], [["abxy"]], 2) < chrf(["abxy"], [["ab"]], 2)


def test_the_nearest_reference_counts():
    alone = chrf(["abcd"], [["abcx"]])
    assert chrf(["abcd"], [["wxyz", "abcx", "axyz"]]) == alone
    assert 0 < alone < 1


def test_nothing_in_common_and_nothing_said():
    assert chrf(["abc"], [["xyz"]]) == 0
    assert chrf([""], [["xyz"]]) == 0


def test_spaces_do_not_count():
    assert chrf(["a b  c"], [["abc"]]) == 1


@pytest.mark.parametrize("references", [[], [["a"], ["b"]]])
def test_other_numbers_are_refused(references):
    with pytest.raises(ValueError, match="lists of references"):
        chrf(["a"] if references else [], references)

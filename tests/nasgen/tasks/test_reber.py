from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from nasgen.errors import InputError
from nasgen.tasks.automaton import NEGATIVES, REBER, Automaton
from nasgen.tasks.reber import (
    BLOCKS,
    LETTERS,
    VARIANTS,
    Strings,
    decoded,
    distinct_walks,
    encoded,
    read_strings,
    reber_strings,
)


def parted(strings: Strings) -> tuple[list[str], list[str]]:
    """True and false texts of both parts."""
    rows = list(zip(strings.train + strings.test, [*strings.y_train, *strings.y_test], strict=True))
    return [text for text, label in rows if label], [text for text, label in rows if not label]


def acceptors(text: str) -> tuple[str, ...]:
    return tuple(name for name, automaton in NEGATIVES.items() if automaton.accepts(text))


@pytest.fixture(scope="module")
def original() -> Strings:
    return reber_strings()


@pytest.fixture(scope="module", params=VARIANTS)
def few(request: pytest.FixtureRequest) -> tuple[str, Strings]:
    """Each variant with a thousand strings."""
    return request.param, reber_strings(request.param, seed=3, count=1_001)


@pytest.mark.parametrize("text", ["BTXSE", "BPVVE", "BTSSXXTVVE", "BTXXVPSE", "BPVPXVVE", "BPTTVPSE"])
def test_the_grammar_accepts(text: str) -> None:
    assert REBER.accepts(text)


@pytest.mark.parametrize("text", ["", "B", "BTE", "BTXS", "BTXSEE", "TXSE", "BPXSE", "BTXPE", "btxse", "BTXS\x00"])
def test_the_grammar_refuses(text: str) -> None:
    assert not REBER.accepts(text)


# the shortest walks by the upper branch of states 1 and 2, and by the lower one of 1 and 3: by hand
SHORT_WALKS = {
    "N1": ("BPXSE", "BTVVE"),
    "N2": ("BTXVE", "BPVSE"),
    "N3": ("BTSSE", "BPTVE"),
    "N4": ("BTVSE", "BPXVE"),
    "O1": ("BAFGE", "BCIKE"),
    "O2": ("BMQRE", "BNVYE"),
    "O3": ("BMQRE", "BNADE"),
    "O4": ("BQNRE", "BOADE"),
}


@pytest.mark.parametrize("name", NEGATIVES)
def test_the_other_automata_draw_no_true_string(name: str) -> None:
    for text in SHORT_WALKS[name]:
        assert NEGATIVES[name].accepts(text)
    walks = decoded(NEGATIVES[name].walks(np.random.default_rng(0), 2_000))
    assert all(NEGATIVES[name].accepts(text) for text in walks)
    assert not any(REBER.accepts(text) for text in (*walks, *SHORT_WALKS[name]))


def test_branches_are_fair_coins() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(decoded(REBER.walks(rng, 20_000)))
    assert all(REBER.accepts(text) for text in drawn)
    # three coins each: 1/8 with a standard error of .0023
    assert drawn["BTXSE"] / 20_000 == pytest.approx(0.125, abs=0.01)
    assert drawn["BPVVE"] / 20_000 == pytest.approx(0.125, abs=0.01)
    assert all(REBER.accepts(REBER.walk(rng)) for _ in range(20))


def test_a_finite_language_runs_out() -> None:
    a, b = {"a": 1, "b": 1}, {"c": 2}
    finite = Automaton(moves=(a, *({"x": state + 1} for state in range(1, 11)), {}), start=0, end=11)
    texts = ["axxxxxxxxxx", "bxxxxxxxxxx"]
    assert sorted(distinct_walks(np.random.default_rng(0), finite, 2)) == texts
    assert distinct_walks(np.random.default_rng(0), finite, 1, taken=texts[:1]) == texts[1:]
    with pytest.raises(ValueError, match=r"expected 3 distinct walks .*, found 2 and .*; ask for fewer"):
        distinct_walks(np.random.default_rng(0), finite, 3)
    too_short = Automaton(moves=(a, b, {}), start=0, end=2)
    with pytest.raises(ValueError, match="expected 1 distinct walks of at least 11 letters, found 0"):
        distinct_walks(np.random.default_rng(0), too_short, 1)


def test_true_strings_have_the_authors_lengths(original: Strings) -> None:
    true, _ = parted(original)
    lengths = [len(text) for text in true]
    assert len(set(true)) == len(true) == 12_500
    assert all(REBER.accepts(text) for text in true)
    assert min(lengths) == 11
    assert np.mean(lengths) == pytest.approx(23.64, abs=0.15)
    assert np.std(lengths) == pytest.approx(4.24, abs=0.15)


def test_false_strings_come_in_the_authors_blocks(original: Strings) -> None:
    _, false = parted(original)
    assert len(set(false)) == len(false) == 12_500
    assert min(map(len, false)) == 11
    assert not any(REBER.accepts(text) for text in false)
    # what O2 and O3 both accept may be of either, and counts for O2
    first = Counter(acceptors(text)[0] for text in false)
    shared = sum(acceptors(text) == ("O2", "O3") for text in false)
    assert first["O2"] + first["O3"] == BLOCKS["O2"] + BLOCKS["O3"]
    assert BLOCKS["O2"] <= first["O2"] <= BLOCKS["O2"] + shared < BLOCKS["O2"] + 50
    assert {name: first[name] for name in BLOCKS if name not in ("O2", "O3")} == {
        name: rows for name, rows in BLOCKS.items() if name not in ("O2", "O3")
    }
    assert np.mean([not set(text) <= set(LETTERS) for text in false]) == pytest.approx(0.56, abs=0.005)


def test_the_parts_have_the_authors_sizes(original: Strings) -> None:
    assert (len(original.train), len(original.test)) == (18_750, 6_250)
    assert len({*original.train, *original.test}) == 25_000
    assert original.dropped == 0


def test_no_text_is_there_twice_and_labels_are_balanced(few: tuple[str, Strings]) -> None:
    _, strings = few
    assert len({*strings.train, *strings.test}) == 1_001
    assert np.bincount(strings.y_train).tolist() == [376, 375]  # false, true: 501 and 500 in all
    assert np.bincount(strings.y_test).tolist() == [125, 125]
    assert strings.y_train.dtype == strings.y_test.dtype == np.dtype("int64")
    assert 50 < np.count_nonzero(np.diff(strings.y_test)) < 200  # shuffled: about 125 changes of label
    with pytest.raises(ValueError, match="read-only"):
        strings.y_train[0] = 1


def test_strings_repeat_under_their_seed_alone(few: tuple[str, Strings]) -> None:
    variant, strings = few
    again, other = reber_strings(variant, seed=3, count=1_001), reber_strings(variant, seed=4, count=1_001)
    assert (again.train, again.test) == (strings.train, strings.test)
    assert np.array_equal(again.y_train, strings.y_train)
    assert np.array_equal(again.y_test, strings.y_test)
    assert other.train != strings.train


def edits(text: str) -> set[str]:
    """All texts that are one edit away."""
    places = range(len(text))
    return {
        *(text[:at] + letter + text[at + 1 :] for at in places for letter in LETTERS),
        *(text[:at] + letter + text[at:] for at in (*places, len(text)) for letter in LETTERS),
        *(text[:at] + text[at + 1 :] for at in places),
        *(text[:at] + text[at + 1] + text[at] + text[at + 2 :] for at in places[:-1]),
    }


def test_edited_strings_are_one_edit_from_a_true_one() -> None:
    true, false = parted(reber_strings("edited", count=1_000))
    assert all(REBER.accepts(text) for text in true)
    assert not any(REBER.accepts(text) for text in false)
    assert all(any(map(REBER.accepts, edits(text))) for text in false)
    assert set(chain.from_iterable(false)) <= set(LETTERS)
    assert min(map(len, false)) >= 11


def test_embedded_strings_differ_in_the_last_letter_but_one() -> None:
    true, false = parted(reber_strings("embedded", count=1_000))
    assert all(text[:3] in ("BTB", "BPB") and text[-1] == "E" for text in true + false)
    assert all(text[1] == text[-2] for text in true)
    assert all({text[1], text[-2]} == {"T", "P"} for text in false)
    walks = [text[2:-2] for text in true + false]
    assert all(map(REBER.accepts, walks))
    assert len(set(walks)) == 1_000  # no walk in two strings: there are no twins to part
    for texts in (true, false):
        assert np.mean([text[1] == "T" for text in texts]) == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("variant", ["edited", "embedded"])
def test_length_does_not_tell_the_harder_strings_apart(variant: str) -> None:
    true, false = parted(reber_strings(variant, count=4_000))
    # standard deviations of 4.2 give the difference of two means of 2,000 a standard error of .13
    assert abs(np.mean([len(text) for text in true]) - np.mean([len(text) for text in false])) < 0.5


def bigram_accuracy(variant: str) -> float:
    """Test accuracy of a logistic regression on counts of neighbouring letters."""
    strings = reber_strings(variant, count=4_000)
    bags = CountVectorizer(analyzer="char", ngram_range=(2, 2), lowercase=False)
    model = LogisticRegression(max_iter=3_000).fit(bags.fit_transform(strings.train), strings.y_train)
    return float(model.score(bags.transform(strings.test), strings.y_test))


def test_pairs_of_letters_solve_the_original_alone() -> None:
    # measured at seed 0: .998, .933, .500; at 25,000 strings .9998, .956, .504
    assert bigram_accuracy("original") > 0.99
    assert bigram_accuracy("edited") < 0.97
    assert bigram_accuracy("embedded") < 0.6


@pytest.mark.parametrize("variant", VARIANTS)
def test_few_strings_are_strings_too(variant: str) -> None:
    strings = reber_strings(variant, count=8)
    assert np.bincount(strings.y_train).tolist() == [3, 3]
    assert np.bincount(strings.y_test).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "continual"}, "must be one of original, edited, embedded, found 'continual'"),
        ({"count": 7}, r"must lie in 8..50,000, found 7"),
        ({"count": 50_001}, r"must lie in 8..50,000, found 50001"),
    ],
)
def test_unknown_variants_and_counts_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        reber_strings(**options)


def test_codes_are_ascii_and_zero_after_the_end() -> None:
    codes = encoded(("BTE", "E"))
    assert codes.dtype == np.uint8
    assert codes.tolist() == [[66, 84, 69], [69, 0, 0]]
    assert decoded(codes) == ["BTE", "E"]
    assert decoded(codes[:, :2]) == ["BT", "E"]  # not contiguous
    with pytest.raises(ValueError, match="ascii"):
        encoded(("BÄE",))


TRAIN = "id,string,valid\n0,BTXSE,1\n1,BPVVE,1\n2,BTXSSE,1\n3,BPE,0\n4,BTE,0\n5,BTE,0\n"
TEST = "id,string,valid\n6,BTSXSE,1\n7,BTXSSE,1\n8,BB,0\n"


def write(folder: Path, train: str = TRAIN, test: str = TEST) -> Path:
    (folder / "reber_train.csv").write_text(train, encoding="utf-8")
    (folder / "reber_test.csv").write_text(test, encoding="utf-8")
    return folder


def test_training_texts_that_are_in_test_are_dropped(tmp_path: Path) -> None:
    strings = read_strings(write(tmp_path))
    assert strings.train == ("BTXSE", "BPVVE", "BPE", "BTE", "BTE")
    assert strings.y_train.tolist() == [1, 1, 0, 0, 0]
    assert strings.test == ("BTSXSE", "BTXSSE", "BB")
    assert strings.y_test.tolist() == [1, 1, 0]
    assert strings.dropped == 1


def test_files_are_read_as_published_on_request(tmp_path: Path) -> None:
    strings = read_strings(write(tmp_path), as_published=True)
    assert strings.train == ("BTXSE", "BPVVE", "BTXSSE", "BPE", "BTE", "BTE")
    assert strings.dropped == 0


def test_columns_may_come_in_any_order_and_the_id_is_not_needed(tmp_path: Path) -> None:
    write(tmp_path, train="\ufeffvalid,string\r\n1,NA\r\n1,null\r\n0,BTE\r\n0,BPE\r\n")
    assert read_strings(tmp_path).train == ("NA", "null", "BTE", "BPE")


BAD_FILES = {
    "empty file": ("", "expected a column 'string', found nothing"),
    "no labels": ("id,string\n0,BTXSE\n", "expected a column 'valid', found id, string"),
    "no rows": ("id,string,valid\n", "expected at least one row, found none"),
    "label": (TRAIN + "9,BTXXE,2\n", "line 8: valid must be 0 or 1, found 2"),
    "word": (TRAIN + "9,BTXXE,true\n", "line 8: valid must be 0 or 1, found true"),
    "short row": (TRAIN + "9,BTXXE\n", "line 8: valid must be 0 or 1, found nothing"),
    "empty": (TRAIN + "9,,0\n", "line 8: string must have at least one letter"),
    "long": (TRAIN + f"9,{'B' * 1_001},0\n", "at most 1,000 letters, found 1,001"),
    "huge": (TRAIN + f"9,{'B' * 200_000},0\n", "must be a CSV file .* field larger than field limit"),
    "not ASCII": (TRAIN + "9,BÄE,0\n", r"must be of printable ASCII characters, found 'B\\xc4E'"),
    "line break": (TRAIN + '9,"B\nE",0\n', r"must be of printable ASCII characters, found 'B\\nE'"),
    "two labels": (TRAIN + "9,BPE,1\n", "every text must have one label, found 'BPE' with 0 and with 1"),
    "label of the test part": (TRAIN + "9,BB,1\n", "every text must have one label, found 'BB' with 0 and with 1"),
    "one class": ("id,string,valid\n0,BTXSE,1\n1,BPVVE,1\n", "at least 2 texts of each label, found 0 of label 0"),
    "dropped": ("string,valid\nBTXSE,1\nBPVVE,1\nBPE,0\nBB,0\n", "at least 2 texts of each label, found 1 of label 0"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_named_in_one_line(case: str, tmp_path: Path) -> None:
    train, message = BAD_FILES[case]
    with pytest.raises(InputError, match=message) as caught:
        read_strings(write(tmp_path, train))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200 + len(str(tmp_path))


def test_other_files_and_missing_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"reber_train.csv: no such file; the folder must hold reber_train.csv and"):
        read_strings(tmp_path)
    write(tmp_path)
    (tmp_path / "reber_test.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"reber_test.csv: must be a CSV file in UTF-8"):
        read_strings(tmp_path)


@pytest.fixture(scope="module")
def published(data_folder: Path) -> Strings:
    if not (data_folder / "reber_train.csv").is_file():
        pytest.skip("no Reber strings: the folder that NASGEN_DATA names has no reber_train.csv")
    return read_strings(data_folder, as_published=True)


@pytest.mark.data
def test_the_grammar_agrees_with_all_of_the_authors_labels(published: Strings) -> None:
    assert np.bincount(published.y_train).tolist() == [9_411, 9_339]  # false, true
    assert np.bincount(published.y_test).tolist() == [3_089, 3_161]
    true, false = parted(published)
    assert len(true) + len(false) == 25_000
    assert all(map(REBER.accepts, true))
    assert not any(map(REBER.accepts, false))


@pytest.mark.data
def test_eight_automata_drew_the_authors_false_strings(published: Strings) -> None:
    # The rows were shuffled before they got their ids (0..18,749 and on to 24,999), so blocks have no positions.
    # They are sorted out by what accepts them: one automaton alone, but for 17 rows that O2 and O3 both accept.
    _, false = parted(published)
    found = Counter(map(acceptors, false))
    assert found.pop(("O2", "O3")) == 17
    assert found.pop(("O2",)) + found.pop(("O3",)) + 17 == BLOCKS["O2"] + BLOCKS["O3"]
    assert found == {(name,): rows for name, rows in BLOCKS.items() if name not in ("O2", "O3")}


@pytest.mark.data
def test_one_text_is_in_both_of_the_authors_parts(data_folder: Path, published: Strings) -> None:
    strings = read_strings(data_folder)
    both = set(published.train) & set(published.test)
    assert strings.dropped == len(published.train) - len(strings.train) == len(both) == 1
    assert not set(strings.train) & set(strings.test)
    assert (strings.test, len(set(strings.train))) == (published.test, 18_742)  # seven rows are repeated
    assert decoded(encoded(published.train)) == list(published.train)
    assert len(set(published.test)) == len(published.test)

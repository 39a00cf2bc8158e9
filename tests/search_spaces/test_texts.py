"""The door that texts of genotypes share: what is no line of JSON, whatever the space."""

from __future__ import annotations

from typing import Any

import pytest

from search_spaces import get_space


@pytest.mark.parametrize("space", ["cnn", "rnn", "mask", "sparse"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be one line of JSON, found ''"),
        ("{", "must be one line of JSON"),
        ("[" * 100_000, "must be one line of JSON"),
        ("3", "must be a JSON object"),
        (" " * 1_000_001, "at most 1000000 characters, found 1000001"),
        (None, "must be one line of JSON, found None"),
        ('{"space":"elsewhere"}', "found 'elsewhere'"),
    ],
)
def test_what_is_no_genotype_is_refused_in_one_line(space: str, text: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        get_space(space).decode(text)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 200

"""The frozen table of unseen characters, compared with the Unicode of this Python."""

import sys
import unicodedata

from reconciler.escape.unseen import BLANK, CATEGORIES, CONJOINING, is_unseen


def by_the_rules(character: str) -> bool:
    if character == " ":
        return False
    return (
        unicodedata.category(character) in CATEGORIES
        or unicodedata.normalize("NFC", character) != character
        or character in BLANK
        or any(ord(character) in part for part in CONJOINING)
    )


def test_every_character_that_this_python_knows_is_as_the_rules_say() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        # Characters that were assigned after this Python's version of Unicode.
        if unicodedata.category(character) != "Cn":
            assert is_unseen(character) == by_the_rules(character), hex(code)


def test_what_this_python_does_not_know_is_escaped_unless_the_table_knows_it() -> None:
    known = [
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Cn" and not is_unseen(chr(code))
    ]

    # Unicode 18 has about 28,000 visible characters more than Unicode 14, the one of Python 3.11.
    assert len(known) < 30_000
    assert not is_unseen("\U0001fae8")  # the shaking face of Unicode 15
    assert is_unseen("\U000e0fff")

"""Secrets are taken out of a stream in every form, wherever it is cut; what only resembles one stays."""

from __future__ import annotations

import base64
from itertools import pairwise
from random import Random

import pytest
from canaries import FORMS, SECRETS, leaks, twins
from hypothesis import given
from hypothesis import strategies as st

from orch.model.masking import Mask
from orch.model.secret_forms import Form, forms

MASK = Mask({name: value.encode() for name, value in SECRETS.items()})


def streamed(mask: Mask, data: bytes, cuts: list[int]) -> bytes:
    masking = mask.stream()
    edges = [0, *sorted(cuts), len(data)]
    blocks = [masking.feed(data[begin:end]) for begin, end in pairwise(edges)]
    return b"".join(blocks) + masking.end()


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form_at_every_cut(form: str) -> None:
    for name, value in SECRETS.items():
        data = b"before " + FORMS[form](value).encode() + b" after\n"
        whole = streamed(MASK, data, [])
        assert whole.startswith(b"before "), name
        assert whole.endswith(b" after\n"), name
        assert b"***" in whole, name
        assert leaks(data) == [name]
        assert leaks(whole) == []
        for cut in range(len(data) + 1):
            assert streamed(MASK, data, [cut]) == whole, (name, cut)
        assert streamed(MASK, data, list(range(len(data)))) == whole, name


@pytest.mark.parametrize("form", FORMS)
def test_what_differs_from_a_secret_by_one_character_stays_in_every_form(form: str) -> None:
    single_lines = {name: value for name, value in SECRETS.items() if "\n" not in value}
    for name, value in single_lines.items():
        for twin in twins(value):
            data = b"before " + FORMS[form](twin).encode() + b" after\n"
            assert streamed(MASK, data, [len(data) // 2]) == data, (name, twin)


def test_nothing_is_kept_back_that_cannot_be_the_beginning_of_a_secret() -> None:
    masking = Mask({"A": b"hunter2-hunter2"}).stream()
    assert masking.feed(b"progress: 10 %\r") == b"progress: 10 %\r"
    assert masking.feed(b"password: hunter") == b"password: "
    assert masking.feed(b"3\n") == b"hunter3\n"


def test_what_began_like_a_secret_and_ended_is_passed_on() -> None:
    masking = Mask({"A": b"hunter2-hunter2"}).stream()
    assert masking.feed(b"hunter2-hunter") == b""
    assert masking.end() == b"hunter2-hunter"


def test_memory_is_bounded_by_the_longest_form_also_where_one_occurrence_overlaps_the_next() -> None:
    mask = Mask({"A": b"aaaaaaaaaa"})
    masking = mask.stream()
    passed = b"".join(masking.feed(b"a" * 1000) for _ in range(50)) + masking.feed(b"b")
    assert passed == b"***b"
    assert len(masking._kept) < mask.longest


def test_secrets_that_overlap_leave_nothing_of_either() -> None:
    mask = Mask({"A": b"abcdefgh", "B": b"efghijkl", "C": b"abcdefgh-and-more", "D": b"begin-efghijkl-end"})
    assert mask.whole(b"<abcdefghijkl>") == b"<***>"
    assert mask.whole(b"<abcdefgh-and-more>") == b"<***>"
    assert mask.whole(b"<abcdefgh-and-mor>") == b"<***-and-mor>"
    assert mask.whole(b"<abcdefghefghijkl>") == b"<******>"
    assert mask.whole(b"<begin-efghijkl-end>") == b"<***>"


def test_a_key_of_several_lines_is_found_line_by_line_and_a_short_line_is_not() -> None:
    key = b"-----BEGIN KEY-----\nabcdefghijklmnop\n  qrstuvwxyz012345\nshort\n-----END KEY-----"
    mask = Mask({"KEY": key})
    assert mask.whole(b"<" + key + b">") == b"<***>"
    assert mask.whole(key.replace(b"\n", b"\r\n")) == b"***\r\n***\r\n  ***\r\nshort\r\n***"
    assert mask.whole(b"got qrstuvwxyz012345.") == b"got ***."


@pytest.mark.parametrize("width", [64, 76])
def test_base64_that_is_broken_into_lines_is_found_too(width: int) -> None:
    for length in range(90, 180):
        value = bytes(Random(length).choices(range(32, 127), k=length))
        digits = base64.b64encode(value + b"\n")
        lines = b"\n".join(digits[start : start + width] for start in range(0, len(digits), width))
        masked = Mask({"K": value}).whole(lines)
        assert len(masked) < 12, (length, masked)


def test_the_name_of_what_was_found_is_told() -> None:
    assert MASK.named(b"x" + base64.b64encode(SECRETS["CANARY_07"].encode())) == "CANARY_07"
    assert MASK.named(b"nothing of the kind") is None


def test_a_mask_shows_nothing_of_what_it_looks_for() -> None:
    assert repr(MASK) == "<mask of 20>"


# --- against a slow and simple one


def simply(values: dict[str, bytes], data: bytes) -> bytes:
    """Every occurrence of every form, found by looking everywhere; those that overlap are one."""
    covered = [False] * len(data)
    begins = set()
    for value in values.values():
        for form in forms(value):
            for at in range(len(data)):
                if (end := _end(form, data, at)) is not None:
                    begins.add(at - bool(form.before))
                    for place in range(at - bool(form.before), end):
                        covered[place] = True
    return b"".join(pieces(data, covered, begins, values))


def _end(form: Form, data: bytes, at: int) -> int | None:
    end = at + len(form.core)
    if not data.startswith(form.core, at) or (form.before and (at == 0 or data[at - 1] not in form.before)):
        return None
    if form.after and (end == len(data) or data[end] not in form.after):
        return None
    return end + bool(form.after)


def pieces(data: bytes, covered: list[bool], begins: set[int], values: dict[str, bytes]) -> list[bytes]:
    ends = [end for value in values.values() for form in forms(value) for end in _ends(form, data)]
    made: list[bytes] = []
    for place, byte in enumerate(data):
        if not covered[place]:
            made.append(bytes([byte]))
        elif place in begins and not any(begin < place < end for begin, end in ends):
            made.append(b"***")
    return made


def _ends(form: Form, data: bytes) -> list[tuple[int, int]]:
    found = [(at - bool(form.before), _end(form, data, at)) for at in range(len(data))]
    return [(begin, end) for begin, end in found if end is not None]


FEW = st.lists(st.sampled_from([b"a", b"b", b"'", b"\xc3\xbc"]), min_size=8, max_size=14).map(b"".join)


@given(st.lists(FEW, min_size=1, max_size=3), st.data())
def test_a_stream_cut_anywhere_is_masked_as_a_whole_and_as_a_slow_search_would(
    values: list[bytes], data: st.DataObject
) -> None:
    named = {f"S{number}": value for number, value in enumerate(values)}
    parts = [form.core for value in values for form in forms(value)]
    piece = st.one_of(st.sampled_from(parts), st.sampled_from(values), st.binary(max_size=3), st.just(b"ab"))
    text = b"".join(data.draw(st.lists(piece, max_size=6)))[:300]
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    mask = Mask(named)
    assert streamed(mask, text, cuts) == mask.whole(text) == simply(named, text)


@given(st.binary(min_size=8, max_size=70), st.binary(max_size=80), st.binary(max_size=5), st.binary(max_size=5))
def test_a_random_secret_is_found_in_base64_wherever_it_stands_and_its_neighbours_decide_nothing(
    value: bytes, other: bytes, before: bytes, after: bytes
) -> None:
    mask = Mask({"S": value})
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert mask.named(encode(before + value + after)) == "S"
        changed = bytes([value[0] ^ 1]) + value[1:]
        encoded = encode(before + changed + after)
        if value not in before + changed + after:
            assert mask.named(encoded) is None or b"\n" in value or mask.named(before + changed + after)
    assert mask.whole(other) == simply({"S": value}, other)

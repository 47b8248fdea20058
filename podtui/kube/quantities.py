"""Quantities ("100m", "1Gi") as `k8s.io/apimachinery/pkg/api/resource` reads and writes them, and as a person reads them."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache

_SHAPE = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
NANO = 10**9
BAD = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def value(text: str) -> Fraction:
    """What a quantity is worth. Raises ValueError in the server's words."""
    return _parse(text)[0]


def canonical(text: str) -> str:
    """The quantity as the server writes it back: "0.5" is "500m", "1024Mi" is "1Gi". Raises ValueError."""
    return _written(*_parse(text))


def amount(resource: str, number: Fraction) -> str:
    """So much of a resource, as a person reads it: cores as `1.5` or `250m`, bytes in the largest fitting unit, the rest as a number."""
    if resource == "cpu":
        return _short(number) if number >= 1 else f"{_short(number * 1000)}m" if number else "0"
    if resource in ("memory", "ephemeral-storage") or resource.startswith("hugepages-"):
        power = 0
        while power < 6 and abs(number) >= 1024:
            number /= 1024
            power += 1
        return f"{_short(number)}{['', *_BINARY][power]}"
    return _short(number)


def _short(number: Fraction) -> str:
    """With at most two decimals; in powers of ten where a float cannot hold it."""
    try:
        text = f"{float(number):.2f}"
    except OverflowError:
        bits = number.numerator.bit_length() - number.denominator.bit_length()
        return f"{'-' if number < 0 else ''}1e{int(bits * math.log10(2))}"
    return text.rstrip("0").rstrip(".")


@lru_cache(maxsize=4096)  # the same few quantities stand in thousands of pods
def _parse(text: str) -> tuple[Fraction, str]:
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise ValueError(BAD)
    sign, digits, suffix = match[1], match[2], match[3] or ""
    number = Fraction(digits if not digits.endswith(".") else digits[:-1])
    form = "decimal"
    if suffix in _BINARY:
        number *= 1024 ** _BINARY[suffix]
        form = "binary"
    elif suffix in _DECIMAL:
        number *= Fraction(10) ** _DECIMAL[suffix]
    else:
        if len(suffix) > 5:
            raise ValueError(BAD)
        number *= Fraction(10) ** int(suffix[1:])
        form = "exponent"
    if sign == "-":
        number = -number
    nano = number * NANO
    if nano.denominator != 1:  # finer than a nano is rounded up, away from zero
        whole = abs(nano).__ceil__()
        number = Fraction(whole if nano > 0 else -whole, NANO)
    return number, form


@lru_cache(maxsize=4096)
def _written(number: Fraction, form: str) -> str:
    if not number:
        return "0"
    if form == "binary" and number.denominator == 1 and abs(number) >= 1024:
        amount, power = int(number), 0
        while power < 6 and amount % 1024 == 0:
            amount //= 1024
            power += 1
        return f"{amount}{['', *_BINARY][power]}"
    exponent = 18
    while (number / Fraction(10) ** exponent).denominator != 1:
        exponent -= 3
    amount = int(number / Fraction(10) ** exponent)
    if form == "exponent":
        return f"{amount}e{exponent}" if exponent else str(amount)
    return f"{amount}{_SUFFIX[exponent]}"

"""An object as YAML, byte for byte as `kubectl get -o yaml` prints it.

kubectl prints through sigs.k8s.io/yaml, that is the emitter of go-yaml version 2. Its rules, which no Python emitter
shares: keys in "natural" order (`a2` before `a10`, a sign before a letter), sequences not indented under their key, a
string plain where it reads back as that string under YAML 1.1, else in single quotes, and in double quotes where it
would read back as another type or holds what must be escaped; several lines as a literal block; any other text folded
at the first single space after column 80; a key of more than 128 bytes after `? `.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key, lru_cache
from typing import Any

# What go-yaml does not print as it is: everything outside the Basic Multilingual Plane too.
_SPECIAL = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_ESCAPED = re.compile("[^ !#-\\[\\]-~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_BREAK = "[\n\u2028\u2029]"
_BREAK_THEN_TEXT = re.compile(f"({_BREAK})(?=[^\n\u2028\u2029])")
_SPACE_BREAK = re.compile(f" {_BREAK}")
_BREAK_SPACE = re.compile(f"{_BREAK} ")
_LONE_SPACE = re.compile(r"(?<! ) (?! |\Z)")  # where a plain or single quoted scalar is folded
_FIRST_SPACE = re.compile(r"(?<! ) (?!\Z)")  # where a double quoted one is
# What a plain scalar must not begin with, end with or contain.
_NOT_PLAIN = re.compile(
    f"[ \n\u2028\u2029#,\\[\\]{{}}&*!|>'\"%@`]|---|\\.\\.\\.|[-?:](?: |\\Z)|.*(?: \\Z|:(?: |\\Z)| #|{_BREAK})",
    re.DOTALL,
)
_OBVIOUSLY_PLAIN = re.compile(r"[A-EG-MP-SU-XZa-eg-mp-su-xz/(_$][A-Za-z0-9_./()$=+@,;-]*\Z")
_PLAIN_WORDS = frozenset(
    [form(word) for word in ("y", "yes", "true", "on", "n", "no", "false", "off", "null") for form in (str, str.capitalize, str.upper)]
    + [sign + "." + word for word in ("inf", "Inf", "INF") for sign in ("", "+", "-")]
    + [".nan", ".NaN", ".NAN", "~"]
)
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z")  # underscores as in Go
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))\Z")
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)\Z")  # 0b-101: go-yaml parses what follows the prefix, sign and all
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[-+]([0-9]{2}):([0-9]{2}))"
    r"| +([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?)?\Z"
)
_KEYS_IN_CODE_ORDER = re.compile(r"[A-Za-z./:-]*\Z")
_LINE_SEPARATORS = re.compile(" *\x85[ \x85]*")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SHORT_ESCAPES = {
    0x00: "0", 0x07: "a", 0x08: "b", 0x09: "t", 0x0A: "n", 0x0B: "v", 0x0C: "f", 0x0D: "r", 0x1B: "e", 0x22: '"', 0x5C: "\\",
    0x85: "N", 0xA0: "_", 0x2028: "L", 0x2029: "P",
}  # fmt: skip
_LONGEST_SIMPLE_KEY = 128  # bytes
_OBVIOUSLY_SIMPLE = re.compile(r"[ -~]{0,32}\Z")
_LINE_END = re.compile("[\n\r\x85\u2028\u2029]")
_WIDTH = 80
_NEVER_FOLD = -(10**9)  # a column so far to the left that no line is too long
_MAX_INT64, _MIN_INT64, _MAX_UINT64 = 2**63 - 1, -(2**63), 2**64 - 1


def to_yaml(obj: Mapping[str, Any], *, managed_fields: bool = False) -> str:
    """`obj` (decoded JSON) as kubectl prints it; metadata.managedFields only on request, as with --show-managed-fields.

    Where kubectl itself gives up (`yaml: control characters are not allowed`: DEL, C1, U+FFFE, U+FFFF) the character is
    shown escaped. An object of 1 MiB takes a noticeable fraction of a second: call it in a thread.
    """
    if not managed_fields and isinstance(metadata := obj.get("metadata"), dict) and "managedFields" in metadata:
        obj = {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
    if not obj:
        return "{}\n"
    out: list[str] = []
    _block(out, "", obj, 0)
    return "".join(out)


def _block(out: list[str], head: str, value: Any, indent: int) -> None:
    """A mapping or sequence that is not empty; `head` is what is already on its first line, `indent` columns wide."""
    pad = " " * indent
    if not isinstance(value, Mapping):
        for item in value:
            if isinstance(item, (Mapping, list, tuple)) and item:
                _block(out, head + "- ", item, indent + 2)
            else:
                out.append(f"{head}- {_scalar(item, indent + 2, indent + 2)}")
            head = pad
        return
    for key in _in_order(value):
        item = value[key]
        if _is_simple_key(key):
            line = f"{head}{_string(key, _NEVER_FOLD, 0)[:-1]}:"
            if not isinstance(item, (Mapping, list, tuple)) or not item:
                out.append(f"{line} {_scalar(item, len(line) + 1, indent + 2)}")
            else:
                inner = indent + 2 if isinstance(item, Mapping) else indent
                out.append(line + "\n")
                _block(out, " " * inner, item, inner)
        else:
            out.append(f"{head}? {_string(key, indent + 2, indent + 2)}")
            if isinstance(item, (Mapping, list, tuple)) and item:
                _block(out, pad + ": ", item, indent + 2)
            else:
                out.append(f"{pad}: {_scalar(item, indent + 2, indent + 2)}")
        head = pad


def _is_simple_key(key: str) -> bool:
    if _OBVIOUSLY_SIMPLE.match(key):
        return True
    key = _as_parsed(key)
    return len(key.encode("utf-8", "replace")) <= _LONGEST_SIMPLE_KEY and not _LINE_END.search(key)


def _scalar(value: Any, column: int, indent: int) -> str:
    """A string, number, boolean, null or empty collection, from `column` on, with its line end; more lines are indented."""
    if isinstance(value, str):
        return _string(value, column, indent)
    if value is None:
        return "null\n"
    if value is True:
        return "true\n"
    if value is False:
        return "false\n"
    if isinstance(value, (int, float)):
        return _number(value) + "\n"
    return "{}\n" if isinstance(value, Mapping) else "[]\n"


# -- strings --------------------------------------------------------------------------------------------------


def _string(text: str, column: int, indent: int) -> str:
    if _OBVIOUSLY_PLAIN.match(text) and text not in _PLAIN_WORDS:
        return text + "\n"
    text = _as_parsed(text)
    special = _SPECIAL.search(text) is not None or _SPACE_BREAK.search(text) is not None
    if "\n" in text:
        return _literal(text, indent) if not special and text[-1] != " " else _double_quoted(text, column, indent)
    if special or _means_something_else(text):
        return _double_quoted(text, column, indent)
    if not _NOT_PLAIN.match(text):
        return _fold(text, column, indent, _LONE_SPACE) + "\n"
    if _BREAK_SPACE.search(text):
        return _double_quoted(text, column, indent)
    quoted = text.replace("'", "''")
    if "\u2028" not in text and "\u2029" not in text:
        return f"'{_fold(quoted, column + 1, indent, _LONE_SPACE)}'\n"
    lines: list[str] = []
    for part in re.split("([\u2028\u2029])", quoted):
        if part and part not in "\u2028\u2029":
            lines.append((" " * indent if lines else "") + _fold(part, indent if lines else column + 1, indent, _LONE_SPACE))
        else:
            lines.append(part)
    return f"'{''.join(lines)}'\n"


def _fold(text: str, column: int, indent: int, space: re.Pattern[str]) -> str:
    """`text` with a line end for the first `space` after column 80 of each line; `column` is where the text begins."""
    if column + len(text) <= _WIDTH:
        return text
    lines, start, begin = [], 0, ""
    while match := space.search(text, max(start + _WIDTH + 1 - column, 1)):
        lines.append(begin + text[start : match.start()])
        start = match.end()
        begin = "\\" if text[start] == " " else ""  # only in double quotes: a reader drops a line's leading spaces
        column = indent + len(begin)
    lines.append(begin + text[start:])
    return ("\n" + " " * indent).join(lines)


def _as_parsed(text: str) -> str:
    """What is left of a string after kubectl's way through JSON and go-yaml's parser, which folds NEL like a line end."""
    if text.isascii():
        return text
    text = _SURROGATES.sub("\ufffd", text)
    return _LINE_SEPARATORS.sub(lambda match: "\n" * (match[0].count("\x85") - 1) or " ", text) if "\x85" in text else text


def _literal(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n\u2028\u2029" else ""
    if text[-1] not in "\n\u2028\u2029":
        hint += "-"
    elif len(text) == 1 or text[-2] in "\n\u2028\u2029":
        hint += "+"
    pad = " " * indent
    body = _BREAK_THEN_TEXT.sub(r"\1" + pad, text)
    if text[0] not in "\n\u2028\u2029":
        body = pad + body
    return f"|{hint}\n{body}" if text[-1] in "\n\u2028\u2029" else f"|{hint}\n{body}\n"


def _double_quoted(text: str, column: int, indent: int) -> str:
    if text[:1] == "\ufeff":  # go-yaml then takes every character for a byte order mark
        escaped = "".join(_escape(character) for character in text)
    else:
        escaped = _ESCAPED.sub(lambda match: _escape(match[0]), text)
    return f'"{_fold(escaped, column + 1, indent, _FIRST_SPACE)}"\n'


def _escape(character: str) -> str:
    code = ord(character)
    if short := _SHORT_ESCAPES.get(code):
        return "\\" + short
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


@lru_cache(maxsize=4096)
def _means_something_else(text: str) -> bool:
    """Whether the plain text would be read as null, a boolean, a number or a date (go-yaml's `resolve`)."""
    if not text or text in _PLAIN_WORDS:
        return True
    first = text[0]
    if first == ".":
        return bool(_DOT_FLOAT.match(text)) and _finite(text)
    if first not in "+-0123456789":
        return False
    if _BASE_60.match(text) or _is_timestamp(text):
        return True
    plain = text.replace("_", "")
    if match := _INTEGER.match(plain):
        sign, hexadecimal, binary, octal, decimal = match.groups()
        value = int(hexadecimal, 16) if hexadecimal else int(binary, 2) if binary else int(octal, 8) if octal else _decimal(decimal)
        if value <= _MAX_INT64 or (sign == "-" and value == -_MIN_INT64) or (not sign and value <= _MAX_UINT64):
            return True
    if _FLOAT.match(plain):
        return _finite(plain)
    signed = _SIGNED_BINARY.match(plain)
    return signed is not None and abs(int(signed[1], 2)) <= _MAX_INT64


def _decimal(digits: str) -> int:
    # Python refuses to convert thousands of digits; none of those is a 64 bit number.
    return int(digits) if len(digits) <= 20 else _MAX_UINT64 + 1


def _finite(text: str) -> bool:
    return abs(float(text)) != float("inf")


def _is_timestamp(text: str) -> bool:
    match = _TIMESTAMP.match(text)
    if not match:
        return False
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]:
        return False
    if clock := match[4] or match[9]:
        minute, second = int(match[5] or match[10]), int(match[6] or match[11])
        if int(clock) > 23 or minute > 59 or second > 59:
            return False
    return match[7] is None or (int(match[7]) <= 24 and int(match[8]) <= 60)


# -- numbers --------------------------------------------------------------------------------------------------


def _number(value: float) -> str:
    """As Go's JSON writes a number and go-yaml then reads and prints it: an integer of 64 bits, or the shortest float."""
    if isinstance(value, int) and _MIN_INT64 <= value <= _MAX_INT64:
        return str(value)
    mantissa, _, exponent = repr(float(value)).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)  # the value is 0.digits * 10^point
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    if len(digits) <= point <= 21:
        integer = int(sign + digits + "0" * (point - len(digits)))
        if _MIN_INT64 <= integer <= _MAX_UINT64:
            return str(integer)
    if not -4 < point <= 6 and point != -3:
        return f"{sign}{digits[0]}{'.' + digits[1:] if len(digits) > 1 else ''}e{'-' if point < 1 else '+'}{abs(point - 1):02d}"
    return f"{sign}0.{'0' * -point}{digits}" if point <= 0 else f"{sign}{digits[:point]}.{digits[point:]}"


# -- order of keys ---------------------------------------------------------------------------------------------


def _in_order(keys: Iterable[str]) -> Sequence[str]:
    keys = list(keys)
    if all(map(_KEYS_IN_CODE_ORDER.match, keys)):
        return sorted(keys)
    return sorted(keys, key=cmp_to_key(_compare))


def _compare(a: str, b: str) -> int:
    return -1 if _less(a, b) else 1 if _less(b, a) else 0


def _less(a: str, b: str) -> bool:
    """go-yaml's order of keys: signs before letters, digits by their number, else by code point.

    It is not an order in the mathematical sense where a letter follows a digit (`10a` comes before `22a`, that before `2a`,
    and that before `10a`); with such keys kubectl itself prints another order each time.
    """
    for i in range(min(len(a), len(b))):
        x, y = a[i], b[i]
        if x == y:
            continue
        if x.isalpha() or y.isalpha():
            return x < y if x.isalpha() and y.isalpha() else y.isalpha()
        start = 0
        if x == "0" or y == "0":  # a digit before them decides whether zeros count
            j = i - 1
            while j >= 0 and a[j].isdecimal():
                if a[j] != "0":
                    start = 1
                    break
                j -= 1
        (m, m_end), (n, n_end) = _digits(a, i, start), _digits(b, i, start)
        if m != n:
            return m < n
        if m_end != n_end:
            return m_end < n_end
        return x < y
    return len(a) < len(b)


def _digits(text: str, start: int, value: int) -> tuple[int, int]:
    end = start
    while end < len(text) and text[end].isdecimal():
        value = value * 10 + ord(text[end]) - 48
        end += 1
    return (value + 2**63) % 2**64 - 2**63, end  # Go's int64 wraps around

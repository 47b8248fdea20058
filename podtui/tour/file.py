"""A walkthrough's file: YAML, checked before anything runs; every mistake is reported with its line and the nearest known word.

A step without a caption continues the step above it, under the same caption.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from podtui.errors import UsageError
from podtui.text import harmless
from podtui.yamlcheck import Checked, Problem, near, read

PLACEHOLDERS = ("folder", "node", "namespace", "port")
"""Words in braces that a step's texts may contain: the folder of `run.files`, a node that accepts pods, the namespace shown,
a free local port (8888 if it is free)."""

_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PICTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")

Text = str | dict[str, str]  # one for all languages, or one for each


class NodeLabels(msgspec.Struct, frozen=True, kw_only=True):
    """Labels to set on a node, or to remove where there is no value: for changes that the dashboard has no key for."""

    node: str
    labels: dict[str, str | None]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a step does besides pressing keys: it writes files to {folder} first, and afterwards labels a node and sends an HTTP request."""

    files: dict[str, str] = {}
    label: NodeLabels | None = None
    http: str = ""
    answer: str = ""
    """What the HTTP answer must contain."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step. The screen must show `expect` and not `gone` within `within` seconds; then the step waits `pause` seconds.

    With `repeat` the keys are pressed until that holds, and not at all if it holds already: for example down to a row by its name.
    """

    caption: Text | None = None
    start: str | list[str] = ""
    """Keys that lead to the step's start from what the walkthrough begins with: for a viewer who went astray, or goes back a step."""
    keys: str | list[str] = ""
    run: Run = Run()
    repeat: bool = False
    expect: str | list[str] = ""
    gone: str | list[str] = ""
    within: Annotated[float, Meta(ge=0.1, le=600)] = 30.0
    pause: Annotated[float, Meta(ge=0, le=600)] | None = None
    picture: str = ""


class TourFile(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a walkthrough's file."""

    title: Text
    steps: list[Step]
    scenario: str = "default"
    """What the built-in cluster contains: a scenario's name, or a file beside this one."""
    languages: list[str] = msgspec.field(default_factory=lambda: ["en"])
    label_columns: list[str] = []
    """Labels shown as columns, as -L does."""
    empty: bool = False
    """Whether it deletes pods: if so, on a real cluster it requires a namespace without pods."""


class Expectation(NamedTuple):
    """A text (any run of spaces matches any other) or, between slashes, a regular expression for the lines of the screen."""

    text: str

    def pattern(self) -> re.Pattern[str]:
        if len(self.text) > 2 and self.text[0] == self.text[-1] == "/":
            return re.compile(self.text[1:-1], re.MULTILINE)
        return re.compile(r"[ \u00a0]+".join(re.escape(word) for word in self.text.split()))

    def holds(self, screen: str) -> bool:
        return self.pattern().search(screen) is not None


@dataclass(frozen=True)
class Part:
    """A step ready to run: `keys` are names of keys and texts to type; `line` is its line in the file."""

    step: Step
    keys: tuple[str, ...]
    expect: tuple[Expectation, ...]
    gone: tuple[Expectation, ...]
    line: int


@dataclass(frozen=True)
class Scene:
    """A caption, and the steps under it. `start` are keys that lead there from what the walkthrough begins with."""

    caption: Text
    parts: tuple[Part, ...]
    start: tuple[str, ...] = ()

    @property
    def line(self) -> int:
        return self.parts[0].line


@dataclass(frozen=True)
class Tour:
    """A checked walkthrough. `name` is the name of a shipped walkthrough, or the file's path."""

    name: str
    path: Path
    file: TourFile
    scenes: tuple[Scene, ...]

    @property
    def shipped(self) -> bool:
        """Whether it came with podtui, which trusts no other one."""
        return self.path.resolve().parent == shipped_folder()

    def title(self, language: str) -> str:
        return said(self.file.title, language)


def said(text: Text, language: str) -> str:
    """The text in a language."""
    return text if isinstance(text, str) else text.get(language) or next(iter(text.values()))


def shipped_folder() -> Path:
    return Path(__file__).resolve().parents[1] / "demo" / "tours"


def shipped() -> list[str]:
    """The names of the walkthroughs that come with podtui."""
    return sorted(path.stem for path in shipped_folder().glob("*.yaml"))


def load(word: str) -> Tour:
    """The walkthrough of that name, or in that file. Raises UsageError for an unknown name, ConfigError for a mistake in the file."""
    if re.fullmatch(r"[\w-]+", word):
        if word not in shipped():
            raise UsageError(f"unknown walkthrough {harmless(word)!r}{near(word, shipped())}", "`podtui tour --list` lists them")
        return check(shipped_folder() / f"{word}.yaml", word)
    return check(Path(word).expanduser(), word)


def check(path: Path, name: str = "") -> Tour:
    """Reads and checks a file."""
    found = read(path, TourFile)
    if found.value is None:
        raise found.error()
    problems = list(_problems(found, found.value))
    if problems:
        raise Checked(found.path, None, sorted(problems, key=lambda problem: problem.line), {}).error()
    return Tour(name or str(path), path, found.value, tuple(_scenes(found, found.value)))


def _scenes(found: Checked[TourFile], file: TourFile) -> Iterator[Scene]:
    parts: list[Part] = []
    caption: Text = ""
    start: tuple[str, ...] = ()
    for number, step in enumerate(file.steps):
        if step.caption is not None:
            if parts:
                yield Scene(caption, tuple(parts), start)
            parts, caption, start = [], step.caption, _keys(step.start)
        keys = _keys(step.keys)
        expect, gone = (tuple(map(Expectation, _texts(texts))) for texts in (step.expect, step.gone))
        parts.append(Part(step, keys, expect, gone, found.line("steps", number)))
    yield Scene(caption, tuple(parts), start)


def _keys(texts: str | list[str]) -> tuple[str, ...]:
    return tuple(word for text in _texts(texts) for word in _words(text))


def _texts(value: str | list[str]) -> list[str]:
    return ([value] if value else []) if isinstance(value, str) else value


def _words(text: str) -> list[str]:
    from podtui.keys import key_words

    return key_words(text)


# -- checks beyond the types --------------------------------------------------------------------------------------


def _problems(found: Checked[TourFile], file: TourFile) -> Iterator[Problem]:
    languages = file.languages
    if not languages:
        yield Problem(found.line("languages"), "`languages` is empty: use [en]")
    for number, language in enumerate(languages):
        if not _LANGUAGE.fullmatch(language):
            text = f"`languages[{number + 1}]`: {harmless(language)!r} is not a language: use en, ko, ..."
            yield Problem(found.line("languages", number), text)
    yield from _captions(found, file.title, languages, "title")
    if not file.steps:
        yield Problem(found.line("steps"), "`steps` is empty")
    elif file.steps[0].caption is None:
        yield Problem(found.line("steps", 0), "`steps[1].caption` is missing: the first step needs one")
    pictures: dict[str, int] = {}
    for number, step in enumerate(file.steps):
        place = ("steps", number)
        if step.caption is not None:
            yield from _captions(found, step.caption, languages, *place, "caption")
        if step.start and step.caption is None:
            yield Problem(found.line(*place, "start"), f"`steps[{number + 1}].start` belongs to a step with a caption")
        for field in ("start", "keys", "expect", "gone"):
            yield from _checked_texts(found, field, _texts(getattr(step, field)), *place)
        if step.repeat and not (step.keys and (step.expect or step.gone)):
            yield Problem(found.line(*place, "repeat"), f"`steps[{number + 1}].repeat` needs `keys`, and `expect` or `gone`")
        yield from _checked_run(found, step.run, *place, "run")
        if step.picture:
            line = found.line(*place, "picture")
            if not _PICTURE.fullmatch(step.picture):
                yield Problem(
                    line, f"`steps[{number + 1}].picture`: only lower-case letters, digits and dashes, not {harmless(step.picture)!r}"
                )
            elif step.picture in pictures:
                yield Problem(line, f"`steps[{number + 1}].picture`: {step.picture} is already used, on line {pictures[step.picture]}")
            pictures.setdefault(step.picture, line)


def _captions(found: Checked[TourFile], text: Text, languages: Collection[str], *place: str | int) -> Iterator[Problem]:
    """Reports a language that is missing, and one that `languages` does not contain."""
    if isinstance(text, str):
        texts = {"": text}
    else:
        texts = text
        for language in texts:
            if language not in languages:
                unknown = f"{_shown(place)}: the language {harmless(language)!r} is not among `languages`{near(language, languages)}"
                yield Problem(found.line(*place, language), unknown)
        for language in languages:
            if language not in texts:
                yield Problem(found.line(*place), f"{_shown(place)} has no text in the language `{harmless(language)}`")
    for language, words in texts.items():
        line = found.line(*place, *([language] if language else []))
        if not words.strip():
            yield Problem(line, f"{_shown(place)} is empty")
        yield from _placeholders(words, line, place)


def _checked_texts(found: Checked[TourFile], field: str, texts: list[str], *place: str | int) -> Iterator[Problem]:
    for number, text in enumerate(texts):
        path = (*place, field, number) if (*place, field, number) in found.lines else (*place, field)
        line = found.line(*path)
        yield from _placeholders(text, line, path)
        if not text.strip():
            yield Problem(line, f"{_shown(path)} is empty")
        elif field in ("start", "keys"):
            yield from _checked_keys(text, line, path)
        else:
            try:
                Expectation(text).pattern()
            except re.error as error:
                yield Problem(line, f"{_shown(path)}: the regular expression is wrong at character {(error.pos or 0) + 1}: {error.msg}")


def _checked_keys(text: str, line: int, path: tuple[str | int, ...]) -> Iterator[Problem]:
    """Reports an unknown key with a modifier such as ctrl+; a word without a modifier is typed as it is."""
    from textual.keys import Keys

    try:
        keys = _words(text)
    except UsageError as error:
        yield Problem(line, f"{_shown(path)}: {error.what.removeprefix('--keys: ')}")
        return
    known = {key.value for key in Keys} | {"space", "question_mark", "slash", "backslash", "equals_sign", "colon", "plus", "minus"}
    for key in keys:
        name = re.sub(r"^((ctrl|shift|alt|super|meta)\+)+", "", key)
        if name != key and len(name) > 1 and name not in known:
            yield Problem(line, f"{_shown(path)}: unknown key {harmless(name)!r}{near(name, sorted(known))}")


def _checked_run(found: Checked[TourFile], run: Run, *place: str | int) -> Iterator[Problem]:
    for name, content in run.files.items():
        if not _PLAIN_NAME.fullmatch(name):
            yield Problem(found.line(*place, "files", name), f"{_shown((*place, 'files'))}: {harmless(name)!r} is not a plain file name")
        if not content.strip():
            yield Problem(found.line(*place, "files", name), f"{_shown((*place, 'files', name))} is empty")
    if run.http:
        line = found.line(*place, "http")
        yield from _placeholders(run.http, line, (*place, "http"))
        address = urlsplit(run.http.replace("{port}", "8888"))
        if address.scheme != "http" or address.hostname not in ("127.0.0.1", "localhost"):
            yield Problem(line, f"{_shown((*place, 'http'))}: only http://127.0.0.1:PORT/... and http://localhost:PORT/...")
        if not run.answer:
            yield Problem(line, f"{_shown((*place, 'answer'))} is missing: what the answer must contain")
    elif run.answer:
        yield Problem(found.line(*place, "answer"), f"{_shown((*place, 'answer'))} needs {_shown((*place, 'http'))}")
    if run.label is not None:
        yield from _placeholders(run.label.node, found.line(*place, "label", "node"), (*place, "label", "node"))
        if not run.label.labels:
            yield Problem(found.line(*place, "label"), f"{_shown((*place, 'label', 'labels'))} is empty")


def _placeholders(text: str, line: int, path: tuple[str | int, ...]) -> Iterator[Problem]:
    for word in _PLACEHOLDER.findall(text):
        if word not in PLACEHOLDERS:
            yield Problem(line, f"{_shown(path)}: unknown placeholder {{{word}}}{near(word, PLACEHOLDERS)}")


def _shown(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if text else ''}{harmless(part)}"
    return f"`{text}`"

"""The file of a walkthrough: what it means, and how its mistakes are told."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podtui.cli.tour import language_of, locale_language
from podtui.errors import ConfigError, UsageError
from podtui.text import harmless
from podtui.tour import caption, file
from podtui.tour.file import Expectation, Tour, check, said

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "walk.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def wrong(path: Path) -> str:
    """What is told of the file, with its folder taken off."""
    with pytest.raises(ConfigError) as told:
        check(path)
    return str(told.value).replace(f"{path.parent}/", "")


def steps(tour: Tour) -> list[list[tuple[str, ...]]]:
    return [[part.keys for part in scene.parts] for scene in tour.scenes]


def test_a_step_without_a_caption_belongs_to_the_one_above(write: Write) -> None:
    tour = check(write("title: T\nsteps:\n- {caption: one, keys: l}\n- {keys: [escape, j j]}\n- {caption: two}\n"))
    assert [scene.caption for scene in tour.scenes] == ["one", "two"]
    assert steps(tour) == [[("l",), ("escape", "j", "j")], [()]]


def test_a_step_has_the_number_of_its_line_in_the_file(write: Write) -> None:
    tour = check(write("title: T\nsteps:\n- caption: one\n\n- caption: two\n  keys: l\n- keys: j\n"))
    assert [[part.line for part in scene.parts] for scene in tour.scenes] == [[3], [5, 7]]


def test_the_keys_of_a_step_are_split_as_a_shell_splits_words(write: Write) -> None:
    tour = check(write("title: T\nsteps:\n- {caption: c, keys: '= ctrl+u \"env in (a,b)\" enter'}\n"))
    assert steps(tour) == [[("=", "ctrl+u", "env in (a,b)", "enter")]]


def test_a_caption_is_a_text_or_one_for_each_language(write: Write) -> None:
    tour = check(write("title: {en: E, ko: K}\nlanguages: [en, ko]\nsteps:\n- caption: {en: one, ko: 하나}\n- caption: all\n"))
    assert [said(scene.caption, "ko") for scene in tour.scenes] == ["하나", "all"]
    assert tour.title("en") == "E"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: T\nsteps: []\n", "walk.yaml:2: `steps` is empty"),
        ("title: T\nlanguage: [en]\nsteps:\n- caption: c\n", "walk.yaml:2: unknown key `language`, did you mean `languages`?"),
        ("steps:\n- {caption: c}\n", "walk.yaml:1: `title` is missing"),
        ("title: T\nsteps:\n- keys: l\n", "walk.yaml:3: `steps[1].caption` is missing: the first step needs one"),
        ("title: T\nsteps:\n- caption: c\n  key: l\n", "walk.yaml:4: unknown key `steps[1].key`, did you mean `keys`?"),
        ("title: T\nsteps:\n- caption: c\n  keys: 0\n", 'walk.yaml:4: `steps[1].keys` must be text, not 0: write "0"'),
        ("title: T\nsteps:\n- caption: c\n  keys: 'a \"b'\n", "walk.yaml:4: `steps[1].keys`: no closing quotation"),
        ("title: T\nsteps:\n- caption: c\n  keys: ctrl+pagdown\n", "unknown key 'pagdown', did you mean `pagedown`?"),
        ("title: T\nsteps:\n- caption: c\n  expect:\n  - a\n  - /b(/\n", "walk.yaml:6: `steps[1].expect[2]`: the regular expression"),
        ("title: T\nsteps:\n- caption: c\n  within: 0\n", "walk.yaml:4: `steps[1].within` must be at least 0.1, not 0.0"),
        ("title: T\nsteps:\n- caption: c\n  keys: '{foldr}/x'\n", "unknown placeholder {foldr}, did you mean `folder`?"),
        ("title: T\nlanguages: [en, ko]\nsteps:\n- caption: {en: c}\n", "`steps[1].caption` has no text in the language `ko`"),
        ("title: T\nlanguages: [en]\nsteps:\n- caption:\n    en: c\n    ko: d\n", "walk.yaml:6: `steps[1].caption`: the language 'ko'"),
        ("title: T\nsteps:\n- caption: c\n  picture: A b\n", "walk.yaml:4: `steps[1].picture`: only lower-case letters, digits and dashes"),
        ("title: T\nsteps:\n- {caption: c, picture: p}\n- picture: p\n", "walk.yaml:4: `steps[2].picture`: p is already used, on line 3"),
        ("title: T\nsteps:\n- caption: c\n  repeat: true\n", "walk.yaml:4: `steps[1].repeat` needs `keys`"),
        ("title: T\nsteps:\n- caption: c\n  run:\n    files: {../x: y}\n", "walk.yaml:5: `steps[1].run.files`: '../x' is not a plain"),
        ("title: T\nsteps:\n- caption: c\n  run:\n    http: http://example.com/\n    answer: a\n", "walk.yaml:5: `steps[1].run.http`:"),
        ("title: T\nsteps:\n- caption: c\n  run:\n    http: http://127.0.0.1:{port}/\n", "`steps[1].run.answer` is missing"),
        ("title: T\nsteps:\n- caption: c\n  run:\n    label: {node: n, labels: {}}\n", "`steps[1].run.label.labels` is empty"),
        ("title: T\nsteps:\n- caption: [a]\n", "walk.yaml:3: `steps[1].caption` must be text, not a list"),
        ("title: [\n", "walk.yaml:2: not valid YAML"),
        ("title:\nsteps:\n- caption: c\n", "walk.yaml:1: `title` must be text, not nothing"),
        ("title: T\nsteps:\n- caption: {en: }\n", "walk.yaml:3: `steps[1].caption.en` must be text, not nothing"),
    ],
)
def test_a_mistake_in_a_walkthrough_names_its_line_and_the_nearest_word(write: Write, text: str, told: str) -> None:
    assert told in wrong(write(text))


ANY = (
    st.text(st.sampled_from("a /`{}[]()*+\\\x1b\x07\x9b\u202e\xad\u0301가é\"'|~<>$\n"), max_size=20)
    | st.none()
    | st.integers()
    | st.lists(st.text(max_size=5))
)
STEPS = st.lists(
    st.dictionaries(st.sampled_from(["caption", "keys", "expect", "gone", "start", "picture", "within", "pause", "run", "x\x1b"]), ANY)
)


@given(ANY, STEPS, st.lists(ANY, max_size=2))
def test_a_hostile_file_is_a_walkthrough_or_an_error_that_can_be_shown(title: object, steps: object, languages: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "walk.yaml"
        path.write_text(yaml.safe_dump({"title": title, "steps": steps, "languages": languages}, allow_unicode=True), encoding="utf-8")
        try:
            tour = check(path)
        except ConfigError as error:
            assert all(harmless(line) == line for line in str(error).split("\n"))
        else:
            for scene in tour.scenes:
                assert caption.wrap(said(scene.caption, "en"), 78)
                assert all(expected.pattern() for part in scene.parts for expected in (*part.expect, *part.gone))


def test_an_unknown_walkthrough_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="unknown walkthrough 'textbok', did you mean `textbook`"):
        file.load("textbok")


def test_a_missing_walkthrough_file_is_refused_by_its_path() -> None:
    with pytest.raises(ConfigError, match=r"cannot read none\.yaml: No such file"):
        file.load("./none.yaml")


@pytest.mark.parametrize(
    ("text", "screen", "holds"),
    [
        ("kubia 1/1 Running", "  kubia    1/1   Running", True),
        ("kubia 1/1", "kubia\n1/1", False),
        ("a.c", "abc", False),
        ("/a.c/", "abc", True),
        ("/^b$/", "a\nb\nc", True),
        ("/", "a/b", True),
    ],
)
def test_what_is_expected_is_a_text_or_a_regular_expression(text: str, screen: str, holds: bool) -> None:
    assert Expectation(text).holds(screen) is holds


@pytest.mark.parametrize("name", file.shipped())
def test_a_shipped_walkthrough_has_captions_that_fit(name: str) -> None:
    tour = file.load(name)
    assert set(tour.file.languages) == {"en", "ko"}
    for language in tour.file.languages:
        long = [scene.line for scene in tour.scenes if len(caption.wrap(said(scene.caption, language), 78)) > 3]
        assert long == [], f"{name}, {language}: more than three lines at 80 columns"


@pytest.mark.parametrize("name", file.shipped())
def test_what_a_step_shows_and_takes_away_again_is_paused_at(name: str) -> None:
    """So that what the caption tells of can be seen, also step by step."""
    flashing = []
    for scene in file.load(name).scenes:
        unseen: list[str] = []
        for part in scene.parts:
            flashing += [part.line for text in unseen for gone in part.gone if gone.text.strip("/") in text]
            unseen = [] if part.step.pause else [*unseen, *(expected.text for expected in part.expect)]
    assert flashing == []


def test_the_textbook_the_first_steps_and_the_incident_are_shipped() -> None:
    assert {"textbook", "first-steps", "incident"} <= set(file.shipped())


def test_the_language_is_that_of_the_locale_if_there_are_captions_in_it() -> None:
    tour = file.load("textbook")
    assert language_of(tour, None, {"LANG": "ko_KR.UTF-8"}) == "ko"
    assert language_of(tour, None, {"LANG": "ko_KR.UTF-8", "LC_ALL": "de_DE"}) == "en"
    assert language_of(tour, "ko", {"LANG": "C"}) == "ko"
    assert locale_language({}) == ""
    with pytest.raises(UsageError, match="no captions in 'fr'"):
        language_of(tour, "fr", {})

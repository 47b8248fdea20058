"""config.yaml: its keys, its defaults, and what is said of a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.config import Config, LogConfig, examined, load
from podtui.errors import ConfigError
from podtui.ui.commands import BY_ID
from podtui.ui.palette.config_faults import screen_faults
from podtui.yamlcheck import check


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Writes config.yaml and gives its path."""

    def written(text: str) -> str:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def mistake(path: str) -> str:
    """The words of the error, after the file."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value).replace(f"{path}:", "")


def test_without_a_file_everything_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load() == Config()


def test_the_file_is_found_in_the_configuration_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "podtui").mkdir()
    (tmp_path / "podtui" / "config.yaml").write_text("theme: podtui-light\n")
    assert load().theme == "podtui-light"


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the configuration file does not exist:"):
        load(str(tmp_path / "none.yaml"))


def test_every_key_of_the_configuration_is_read(write) -> None:  # type: ignore[no-untyped-def]
    config = load(
        write("""\
theme: podtui-light
mouse: false
keymap: {main.logs: "l,f5"}
columns: [Name, Status]
label_columns: [app]
favourites: [web, db]
protected_contexts: ["prod-*"]
read_only_contexts: [audit]
log: {tail: 50, buffer_mb: 8, timestamps: true, wrap: true}
forwards:
  web: {selector: app=web, ports: ["8080:80"]}
""")
    )
    assert config.log == LogConfig(tail=50, buffer_mb=8, timestamps=True, wrap=True)
    assert (config.theme, config.mouse, config.keymap, config.favourites) == ("podtui-light", False, {"main.logs": "l,f5"}, ["web", "db"])
    assert config.forwards["web"].ports == ["8080:80"]
    assert config.is_protected("prod-eu") and not config.is_protected("staging")
    assert config.is_read_only("audit") and not config.is_read_only("prod-eu")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "log:\ntheme:\n"])
def test_an_empty_file_and_keys_without_values_mean_the_defaults(write, text: str) -> None:  # type: ignore[no-untyped-def]
    assert load(write(text)) == Config()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mouse: true\nfavorites: [a]\n", "2: unknown key `favorites`, did you mean `favourites`?"),
        ("log:\n  tail: 5\n  buffer: 3\n", "3: unknown key `log.buffer`, did you mean `buffer_mb`?"),
        ("log:\n  tail: many\n", '2: `log.tail` must be a whole number, not "many"'),
        ("log:\n  tail: -1\n", "2: `log.tail` must be at least 0, not -1"),
        ("log: 5\n", "1: `log` must hold keys and values, not 5"),
        ("mouse: 'yes'\n", '1: `mouse` must be true or false, not "yes"'),
        ("favourites: [web, A_B]\n", "1: `favourites`: 'A_B' is not a valid namespace name"),
        ("label_columns:\n- app\n- 'a b'\n", "3: `label_columns`: 'a b': name part must"),
        ("theme: 1\n", '1: `theme` must be text, not 1: write "1"'),
        ("favourites: web\n", '1: `favourites` must be a list, not "web": write [web]'),
        ("favourites:\n- web\n- 7\n", '3: `favourites[2]` must be text, not 7: write "7"'),
        ("keymap:\n  main.logs: 0\n", '2: `keymap.main.logs` must be text, not 0: write "0"'),
        ("keymap: {main.logs: ' '}\n", "1: `keymap.main.logs` names no key"),
        ("theme: a\ntheme: b\n", "2: `theme` appears twice, first on line 1"),
        ("- a\n", "1: the file must hold keys and values, not a list"),
        ("theme: [a\n", "2: not valid YAML"),
        ("theme: \x07\n", "1: not valid YAML"),
        ("? [a]\n: b\n", "1: a key must be a string"),
        ("a: 1\n---\nb: 2\n", "2: not valid YAML"),
        ("forwards:\n  web: {ports: ['80']}\n", "2: `forwards.web` needs either a `pod` or a `selector`"),
        ("forwards:\n  web: {pod: a}\n", "2: `forwards.web.ports` is missing"),
        ("forwards:\n  web: {pod: A_b, ports: ['80']}\n", "2: `forwards.web.pod`: 'A_b' is not a valid pod name"),
        ("forwards:\n  web:\n    ports: ['80']\n    selector: 'a=('\n", "4: `forwards.web.selector`: "),
        ("forwards:\n  web:\n    pod: a\n    ports:\n    - '80'\n    - 'x:80'\n", "6: `forwards.web.ports`: local port 'x' is not a"),
        ("forwards:\n  web: {pod: a, ports: ['8080:80', '8080:81']}\n", "2: `forwards.web.ports`: local port 8080 appears twice"),
        ("forwards:\n  web: {pod: a, ports: []}\n", "2: `forwards.web.ports` is empty"),
        ("forwards:\n  web: {pod: a, ports: ['80'], namespace: A}\n", "2: `forwards.web.namespace`: 'A' is not a valid namespace name"),
        (
            "forwards:\n  web:\n    pod: a\n    ports: ['80']\n    address: example.org\n",
            "5: `forwards.web.address`: 'example.org' is neither localhost nor an IP address",
        ),
        ("forwards:\n  web: {pod: a, ports: ['80'], start: 1}\n", "2: `forwards.web.start` must be true or false, not 1"),
        (
            "forwards:\n  a: {pod: a, ports: ['8080:80'], start: true}\n  b: {pod: b, ports: [':1', '8080'], start: true}\n",
            "3: `forwards.b.ports`: local port 8080 is also that of `forwards.a`, and both start automatically",
        ),
        ("favourites: [a, b, c, d, e, f, g, h, i, j]\n", "1: `favourites` has 10 entries, but only the keys 1 to 9 show them"),
    ],
)
def test_a_mistake_is_reported_with_its_line(write, text: str, told: str) -> None:  # type: ignore[no-untyped-def]
    assert mistake(write(text)).startswith(told)


def test_saved_forwards_of_one_local_port_may_start_in_different_contexts_or_by_hand(write) -> None:  # type: ignore[no-untyped-def]
    config = load(
        write("""\
forwards:
  a: {pod: a, ports: ["8080"], context: dev, start: true}
  b: {selector: "app in (b)", ports: ["8080", ":1"], context: "prod-*", start: true, address: "::1", namespace: shop}
  c: {pod: c, ports: ["8080"]}
""")
    )
    assert config.forwards["b"].start and config.forwards["c"].address == "localhost"


def test_the_first_mistake_is_reported_and_the_number_of_others(write) -> None:  # type: ignore[no-untyped-def]
    told = mistake(write("mouse: 1\nthem: x\nlog: {tail: x}\n"))
    assert told.startswith("1: `mouse`") and told.endswith("and 2 more mistakes in this file: `podtui doctor` lists all")


def test_a_command_that_does_not_exist_is_reported_with_its_line_and_the_nearest_one(write) -> None:  # type: ignore[no-untyped-def]
    assert screen_mistakes(write('keymap:\n  main.logs: "f5"\n  main.lgos: "f6"\n')) == [
        "3: `keymap`: unknown command `main.lgos`, did you mean `main.logs`?"
    ]


def test_every_command_of_podtui_may_stand_in_the_keymap(write) -> None:  # type: ignore[no-untyped-def]
    lines = (f'  {command}: "alt+{chr(0x4E00 + number)}"\n' for number, command in enumerate(BY_ID))
    assert screen_mistakes(write("keymap:\n" + "".join(lines))) == []


def test_an_escape_sequence_in_the_file_never_reaches_the_terminal(write) -> None:  # type: ignore[no-untyped-def]
    assert "\x1b" not in mistake(write('"\\e[2Jx": 1\n')) and "\x1b" not in mistake(write('mouse: "\\e[2J"\n'))


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_content_makes_the_reader_fail(content: str | bytes) -> None:
    found = check(content, Config, "config.yaml")
    assert (found.value is None) == bool(found.problems)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("y,pgdn", "unknown key `pgdn`, did you mean `pagedown`?"),
        ("ctrl+pgup", "unknown key `ctrl+pgup`, did you mean `pageup`?"),
        ("\\u202e", "unknown key `<U+202E>` (use f5, ctrl+g, alt+x, space, or a character)"),
        ("F1", "unknown key `F1`, did you mean `f1`?"),
        ("Ctrl+D", "unknown key `Ctrl+D`, did you mean `ctrl+d`?"),
        ("ctlr+x", "unknown key `ctlr+x`, did you mean `ctrl+x`?"),
        ("strg+x", "unknown key `strg+x` (use f5, ctrl+g, alt+x, space, or a character)"),
        ("shift+f", "no terminal sends `shift+f`: write `F`"),
        ("ctrl+G", "no terminal sends `ctrl+G`: write `ctrl+g`"),
        ("alt+shift+g", "no terminal sends `alt+shift+g`: write `alt+G`"),
    ],
)
def test_a_key_that_does_not_exist_is_reported_with_its_line(write, keys: str, told: str) -> None:  # type: ignore[no-untyped-def]
    assert screen_mistakes(write(f'keymap:\n  main.logs: "f5"\n  main.yaml: "{keys}"\n')) == [f"3: `keymap.main.yaml`: {told}"]


@pytest.mark.parametrize("keys", ["l,f5", "ctrl+g", "question_mark", "space", "alt+G", "ctrl+backslash", "한", "shift+tab", "ctrl+shift+x"])
def test_keys_that_a_terminal_sends_may_be_bound(write, keys: str) -> None:  # type: ignore[no-untyped-def]
    assert screen_mistakes(write(f'keymap: {{sources.close: "{keys}"}}\n')) == []


@pytest.mark.parametrize(
    ("keymap", "told"),
    [
        ('main.logs: "f5"\n  main.yaml: "y,f5"', ["2: `keymap.main.logs`: f5 is also the key of `main.yaml` (YAML)"]),
        ('main.logs: "y"', ["2: `keymap.main.logs`: y is also the key of `main.yaml` (YAML)"]),
        ('main.logs: "?"', ["2: `keymap.main.logs`: ? is also the key of `app.help` (Help)"]),
        ('list.wide: "l"', ["2: `keymap.list.wide`: l is also the key of `main.logs` (Logs)"]),
        ('logs.wrap: "ctrl+c"', ["2: `keymap.logs.wrap`: ctrl+c is also the key of `app.interrupt` (Quit)"]),
        ('nodes.label: "A"', ["2: `keymap.nodes.label`: A is also the key of `main.annotate` (Annotate)"]),
        ('main.logs: "y"\n  main.yaml: "f6"', []),  # which no longer has it
        ('main.cordon: "F"', []),  # nodes have no ports to forward
        ('logs.wrap: "d"', []),  # the logs lie over the list
        ('app.leave: "q"', []),  # as from the start
    ],
)
def test_one_key_for_two_commands_is_a_mistake(write, keymap: str, told: list[str]) -> None:  # type: ignore[no-untyped-def]
    found = screen_mistakes(write(f"keymap:\n  {keymap}\n"))
    assert [mistake.removesuffix(": give one of them another key") for mistake in found] == told


def test_no_two_commands_have_one_key_from_the_start(write) -> None:  # type: ignore[no-untyped-def]
    lines = (f'  {command.id}: "{command.key}"\n' for command in BY_ID.values() if command.key)
    assert screen_mistakes(write("keymap:\n" + "".join(lines))) == []


def test_every_mistake_is_found_in_one_go_whatever_else_is_wrong(write) -> None:  # type: ignore[no-untyped-def]
    text = """\
mouse: 1
favourites: [A_B, web, ":po -x", ":no", ":q"]
them: x
keymap: {main.lgos: f5, main.logs: shift+f, main.why: y}
forwards: {web: {ports: ["x:80", "8080", "8080"]}, db: {pod: 5, ports: []}}
theme: nope
"""
    found = [mistake.partition(":")[2].split(":")[0].strip() for mistake in screen_mistakes(write(text))]
    assert found == [
        "`mouse` must be true or false, not 1",
        "`favourites`",
        "`favourites`",
        "`favourites`",
        "unknown key `them`, did you mean `theme`?",
        "`keymap`",
        "`keymap.main.logs`",
        "`keymap.main.why`",
        "`forwards.db.pod` must be text, not 5",
        "`forwards.web` needs either a `pod` or a `selector`",
        "`forwards.web.ports`",
        "`forwards.web.ports`",
        "`forwards.db` needs either a `pod` or a `selector`",
        "`forwards.db.ports` is empty",
        "`theme`",
    ]


def screen_mistakes(path: str) -> list[str]:
    return [f"{problem.line}: {problem.text}" for problem in examined(path, screen_faults).problems]

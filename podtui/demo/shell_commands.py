"""The commands of the simulated containers, as small as those of busybox: they know files, variables, time, and their own pod."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from datetime import UTC, datetime

from podtui.demo.netcat import nc
from podtui.demo.programs import Body, HttpConnection, Request
from podtui.demo.shell import Exit, Leave, Shell, Streams
from podtui.demo.shell_arithmetic import arithmetic
from podtui.demo.shell_data import checksum, dd, head, read_file, tr, wc

Command = Callable[[Shell, list[str], Streams], "int | Body"]
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "r": "\r", "a": "\a", "e": "\x1b", "0": "\0", '"': '"'}


def _unescaped(text: str) -> str:
    return re.sub(r"\\([ntrae0\\\"])", lambda match: _ESCAPES[match[1]], text)


def _options(words: list[str]) -> tuple[str, list[str]]:
    """The letters of the options that come first, and the rest."""
    letters = ""
    while words and len(words[0]) > 1 and words[0].startswith("-"):
        word, *words = words
        if word == "--":
            break
        letters += word[1:]
    return letters, words


# -- words and numbers


def echo(shell: Shell, words: list[str], io: Streams) -> int:
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        newline, escapes = newline and "n" not in words[0], escapes or "e" in words[0]
        words = words[1:]
    text = " ".join(words)
    io.out(((_unescaped(text) if escapes else text) + ("\n" if newline else "")).encode())
    return 0


def printf(shell: Shell, words: list[str], io: Streams) -> int:
    if not words:
        return 2
    form, left = _unescaped(words[0]), words[1:]

    def put(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        word = left.pop(0) if left else ""
        if match[2] == "s":
            return f"%{match[1]}s" % word
        try:
            return f"%{match[1]}{match[2]}" % (float(word or 0) if match[2] in "feg" else int(word or 0))
        except ValueError:
            return "0"

    while True:
        before = len(left)
        io.out(re.sub(r"%%|%([-+ 0]*\d*(?:\.\d+)?)([sdifxge])", put, form).encode())
        if not left or len(left) == before:
            return 0


def sleep(shell: Shell, words: list[str], io: Streams) -> Body:
    total: float | None = 0.0
    for word in words:
        match = re.fullmatch(r"(\d*\.?\d+)([smhd]?)|(inf|infinity)", word)
        if match is None:
            io.complain(f"sleep: invalid number '{word}'")
            return 1
        if match[3]:
            total = None
        elif total is not None:
            total += float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if not words:
        io.complain("sleep: missing operand")
        return 1
    if total is None:
        while True:
            yield None
    yield total
    return 0


def test(shell: Shell, words: list[str], io: Streams) -> int:
    if words and words[0] == "!":
        return int(not test(shell, words[1:], io))
    for joint, combine in (("-o", any), ("-a", all)):
        if joint in words:
            place = words.index(joint)
            return int(not combine([not test(shell, words[:place], io), not test(shell, words[place + 1 :], io)]))
    if len(words) == 3:
        left, operator, right = words
        if operator in ("=", "==", "!="):
            return int((left == right) == (operator == "!="))
        numbers = {"-eq": "==", "-ne": "!=", "-lt": "<", "-le": "<=", "-gt": ">", "-ge": ">="}
        if operator in numbers:
            if not all(re.fullmatch(r"\s*-?\d+\s*", word) for word in (left, right)):
                io.complain("sh: bad number")
                return 2
            a, b = int(left), int(right)
            return int(not {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator])
    if len(words) == 2:
        operator, word = words
        if operator in ("-z", "-n"):
            return int(bool(word) == (operator == "-z"))
        if operator in ("-e", "-f", "-s", "-r", "-x", "-d"):
            path, files = shell.path(word), shell.context.files
            folder = path == "/" or any(name.startswith(path + "/") for name in files)
            found = {"-d": folder, "-f": path in files, "-s": bool(files.get(path))}.get(operator, folder or path in files)
            return int(not found)
    return int(not (len(words) == 1 and words[0]))


def bracket(shell: Shell, words: list[str], io: Streams) -> int:
    if not words or words[-1] != "]":
        io.complain("sh: missing ]")
        return 2
    return test(shell, words[:-1], io)


def expr(shell: Shell, words: list[str], io: Streams) -> int:
    value = arithmetic(" ".join(words), lambda name: "")
    io.say(str(value))
    return int(not value)


def seq(shell: Shell, words: list[str], io: Streams) -> int:
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3:
        io.complain("seq: invalid number")
        return 1
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) == 3 else 1
    for number in range(first, numbers[-1] + (1 if step > 0 else -1), step or 1)[:100_000]:
        io.say(str(number))
    return 0


def date(shell: Shell, words: list[str], io: Streams) -> int:
    now = datetime.fromtimestamp(shell.context.clock.now(), UTC)
    form = next((word[1:] for word in words if word.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    io.say(now.strftime(form.replace("%s", str(int(now.timestamp()))).replace("%N", f"{now.microsecond * 1000:09}")))
    return 0


# -- the shell itself


def exit_(shell: Shell, words: list[str], io: Streams) -> int:
    raise Exit(int(words[0]) if words and words[0].lstrip("-").isdigit() else shell.status)


def _leave(kind: str) -> Command:
    def leave(shell: Shell, words: list[str], io: Streams) -> int:
        if kind == "return" and words and words[0].isdigit():
            shell.status = int(words[0]) & 255
        raise Leave(kind, int(words[0]) if kind != "return" and words and words[0].isdigit() else 1)

    return leave


def exec_(shell: Shell, words: list[str], io: Streams) -> Body:
    if not words:
        return 0
    raise Exit((yield from shell.call(words, io)))


def eval_(shell: Shell, words: list[str], io: Streams) -> Body:
    from podtui.demo.shell_syntax import parse

    return (yield from shell.run(parse(" ".join(words)), io))


def set_(shell: Shell, words: list[str], io: Streams) -> int:
    for word in words:
        if re.fullmatch(r"[-+]\w*e\w*", word):
            shell.stops_on_error = word.startswith("-")
    if not words:
        for name, value in sorted(shell.variables.items()):
            io.say(f"{name}='{value}'")
    return 0


def export(shell: Shell, words: list[str], io: Streams) -> int:
    for word in words:
        name, found, value = word.partition("=")
        if found:
            shell.variables[name] = value
    return 0


def unset(shell: Shell, words: list[str], io: Streams) -> int:
    for word in words:
        shell.variables.pop(word, None)
    return 0


def shift(shell: Shell, words: list[str], io: Streams) -> int:
    del shell.arguments[1:2]
    return 0


def trap(shell: Shell, words: list[str], io: Streams) -> int:
    """`trap 'exit 3' TERM`: PID 1 listens to SIGTERM then."""
    program = shell.context.program
    if len(words) > 1 and program is not None and {"TERM", "SIGTERM", "15"} & set(words[1:]) and words[0] != "-":
        code = re.search(r"exit\s+(\d+)", words[0])
        program.stop_after, program.stop_code = 0.3, int(code[1]) & 255 if code else 0
    return 0


def read(shell: Shell, words: list[str], io: Streams) -> Body:
    _, names = _options(words)
    line = yield from io.stdin.line()
    values = line.decode("utf-8", "replace").rstrip("\n").split(maxsplit=max(0, len(names) - 1)) if names else []
    for name, value in zip(names, [*values, *[""] * len(names)], strict=False):
        shell.variables[name] = value
    return 0 if line else 1


def cd(shell: Shell, words: list[str], io: Streams) -> int:
    path = shell.path(words[0] if words else shell.variables.get("HOME", "/"))
    if path != "/" and not any(name.startswith(path + "/") for name in shell.context.files):
        io.complain(f"sh: cd: can't cd to {words[0] if words else path}: No such file or directory")
        return 2
    shell.cwd = path
    return 0


def pwd(shell: Shell, words: list[str], io: Streams) -> int:
    io.say(shell.cwd)
    return 0


def which(shell: Shell, words: list[str], io: Streams) -> int:
    known = [word for word in words if word in COMMANDS or word == "sh"]
    for word in known:
        io.say(f"/bin/{word}")
    return int(len(known) < len(words))


def env(shell: Shell, words: list[str], io: Streams) -> int | Body:
    if words and words[0] in COMMANDS:
        return shell.call(words, io)
    for name, value in shell.variables.items():
        io.say(f"{name}={value}")
    return 0


def printenv(shell: Shell, words: list[str], io: Streams) -> int:
    """The values of these variables, or all of them; 1 when one of them is not set."""
    if not words:
        for name, value in shell.variables.items():
            io.say(f"{name}={value}")
    for word in words:
        if word in shell.variables:
            io.say(shell.variables[word])
    return int(not all(word in shell.variables for word in words))


def wait(shell: Shell, words: list[str], io: Streams) -> Body:
    return shell.wait()


def timeout(shell: Shell, words: list[str], io: Streams) -> Body:
    """Runs a command for so many seconds at most."""
    _, words = _options(words)
    left = float(words[0].rstrip("s")) if words and words[0].rstrip("s").replace(".", "", 1).isdigit() else 0.0
    body = shell.call(words[1:] or ["true"], io)
    for seconds in body:
        if seconds is None or seconds > left:
            yield left
            body.close()
            return 143
        left -= seconds
        yield seconds
    return shell.status


# -- files


def _filter(name: str, change: Callable[[str, list[str], list[str]], list[str]], values: str = "") -> Command:
    """A command that makes lines of lines. `change` gets its option letters, its other words but the files, and the lines.

    `values` are the options that take a value, which is given among the words.
    """

    def run(shell: Shell, words: list[str], io: Streams) -> Body:
        letters, given = "", []
        words = list(words)
        while words and len(words[0]) > 1 and words[0].startswith("-"):
            word = words.pop(0)[1:]
            if word[0].isdigit():
                letters, given = letters + "n", [word]
            elif word[0] in values:
                letters += word[0]
                given.append(word[1:] if len(word) > 1 else words.pop(0) if words else "")
            else:
                letters += word
        if name == "grep" and words:
            given.append(words.pop(0))
        text, status = b"", 0
        for file in words or ["-"]:
            content = yield from read_file(shell, file, io, name)
            if content is None:
                status = 1
            else:
                text += content
        lines = text.decode("utf-8", "replace").splitlines()
        changed = change(letters, given, lines)
        if changed and not (name == "grep" and "q" in letters):
            io.out("".join(line + "\n" for line in changed).encode())
        return int(not changed) if name == "grep" else status

    return run


def _number(given: list[str], default: int = 10) -> int:
    return int(given[-1].lstrip("-+")) if given and given[-1].lstrip("-+").isdigit() else default


def _grep(letters: str, given: list[str], lines: list[str]) -> list[str]:
    pattern = given[-1] if given else ""
    try:
        wanted = re.compile(re.escape(pattern) if "F" in letters else pattern, re.IGNORECASE if "i" in letters else 0)
    except re.error:
        wanted = re.compile(re.escape(pattern))
    found = [line for line in lines if bool(wanted.search(line)) != ("v" in letters)]
    return [str(len(found))] if "c" in letters else found


def _sort(letters: str, given: list[str], lines: list[str]) -> list[str]:
    def number(line: str) -> tuple[float, str]:
        match = re.match(r"\s*-?\d+(\.\d+)?", line)
        return (float(match[0]) if match else 0.0, line)

    found = sorted(set(lines) if "u" in letters else lines, key=number if "n" in letters else None)
    return found[::-1] if "r" in letters else found


def cat(shell: Shell, words: list[str], io: Streams) -> Body:
    _, words = _options(words)
    status = 0
    if not words:
        while data := (yield from io.stdin.some()):
            io.out(data)
    for name in words:
        content = yield from read_file(shell, name, io, "cat")
        if content is None:
            status = 1
        else:
            io.out(content)
    return status


def tail(shell: Shell, words: list[str], io: Streams) -> Body:
    """`tail -f` waits for what is added, once a second."""
    follow = [word for word in words if word in ("-f", "-F")]
    plain = [word for word in words if word not in follow]
    status = yield from _TAIL(shell, plain, io)  # type: ignore[misc]
    name = next((word for word in plain if not word.startswith("-") and not word.isdigit()), "")
    seen = len(shell.context.files.get(shell.path(name), b"")) if name else 0
    while follow:
        if not name or shell.path(name) in ("/dev/null",):
            yield None
            continue
        yield 1.0
        content = shell.context.files.get(shell.path(name), b"")
        if len(content) > seen:
            io.out(content[seen:])
        seen = len(content)
    return int(status)


def ls(shell: Shell, words: list[str], io: Streams) -> int:
    letters, words = _options(words)
    status = 0
    for word in words or ["."]:
        path, files = shell.path(word), shell.context.files
        if path in files:
            names, top = [word], ""
        else:
            top = "" if path == "/" else path
            names = sorted({name[len(top) + 1 :].split("/")[0] for name in files if name.startswith(top + "/")})
            if not names:
                io.complain(f"ls: {word}: No such file or directory")
                status = 1
                continue
        if len(words) > 1:
            io.say(f"{word}:")
        for name in names:
            if name.startswith(".") and "a" not in letters:
                continue
            full = f"{top}/{name}" if top or path == "/" else path
            if "l" not in letters:
                io.say(name)
            elif full in files:
                io.say(f"-rw-r--r--    1 root     root     {len(files[full]):9} {name}")
            else:
                io.say(f"drwxr-xr-x    2 root     root          4096 {name}")
    return status


def touch(shell: Shell, words: list[str], io: Streams) -> int:
    for word in _options(words)[1]:
        shell.context.files.setdefault(shell.path(word), b"")
    return 0


def mkdir(shell: Shell, words: list[str], io: Streams) -> int:
    for word in _options(words)[1]:
        shell.context.files.setdefault(shell.path(word) + "/.keep", b"")
    return 0


def rm(shell: Shell, words: list[str], io: Streams) -> int:
    letters, words = _options(words)
    status = 0
    for word in words:
        path, files = shell.path(word), shell.context.files
        found = [name for name in files if name == path or ("r" in letters.lower() and name.startswith(path + "/"))]
        for name in found:
            del files[name]
        if not found and "f" not in letters:
            io.complain(f"rm: can't remove '{word}': No such file or directory")
            status = 1
    return status


def cp(shell: Shell, words: list[str], io: Streams, *, move: bool = False) -> int:
    _, words = _options(words)
    files = shell.context.files
    for word in words[:-1]:
        source, target = shell.path(word), shell.path(words[-1])
        if source not in files:
            io.complain(f"cp: can't stat '{word}': No such file or directory")
            return 1
        if any(name.startswith(target + "/") for name in files):
            target = f"{target}/{posixpath.basename(source)}"
        files[target] = files[source]
        if move and target != source:
            del files[source]
    return 0


def mv(shell: Shell, words: list[str], io: Streams) -> int:
    return cp(shell, words, io, move=True)


def tee(shell: Shell, words: list[str], io: Streams) -> Body:
    letters, words = _options(words)
    files = shell.context.files
    for word in words:
        files[shell.path(word)] = files.get(shell.path(word), b"") if "a" in letters else b""
    while line := (yield from io.stdin.line()):
        io.out(line)
        for word in words:
            files[shell.path(word)] = (files.get(shell.path(word), b"") + line)[-(1 << 20) :]
    return 0


# -- the pod


def hostname(shell: Shell, words: list[str], io: Streams) -> int:
    io.say(shell.context.ip if "-i" in words else shell.context.hostname)
    return 0


def uname(shell: Shell, words: list[str], io: Streams) -> int:
    io.say(f"Linux {shell.context.hostname} 6.12.0 podtui x86_64 GNU/Linux" if "-a" in words else "Linux")
    return 0


def ps(shell: Shell, words: list[str], io: Streams) -> int:
    context = shell.context
    running = " ".join(context.command) or f"/{posixpath.basename(context.image.split(':')[0])}"
    io.say("PID   USER     TIME  COMMAND")
    io.say(f"    1 root      0:00 {running.replace(chr(10), ' ')}")
    io.say(f"   17 root      0:00 ps {' '.join(words)}".rstrip())
    return 0


def id_(shell: Shell, words: list[str], io: Streams) -> int:
    io.say("uid=0(root) gid=0(root) groups=0(root)" if not words else "0")
    return 0


def whoami(shell: Shell, words: list[str], io: Streams) -> int:
    io.say("root")
    return 0


def httpd(shell: Shell, words: list[str], io: Streams) -> Body:
    """busybox httpd: from now on the pod listens."""
    port = int(words[words.index("-p") + 1].rpartition(":")[2]) if "-p" in words[:-1] else 80
    program = shell.context.program
    if program is not None:
        if program.listens(port):
            io.complain("httpd: bind: Address already in use")
            return 1
        shell.context.listeners[port] = lambda: HttpConnection(program)
    while "-f" in words:
        yield None
    return 0


def fetch(shell: Shell, words: list[str], io: Streams) -> int:
    """curl and wget, as far as the container itself."""
    url = next((word for word in words if not word.startswith("-") and ("." in word or ":" in word or word.startswith("localhost"))), "")
    match = re.fullmatch(r"(?:https?://)?([^/:]+)(?::(\d+))?(/.*)?", url)
    if match is None:
        io.complain("curl: (3) URL using bad/illegal format or missing URL")
        return 3
    host, port, path = match[1], int(match[2] or 80), match[3] or "/"
    context = shell.context
    if host not in ("localhost", "127.0.0.1", context.ip, context.hostname):
        io.complain(f"curl: (6) Could not resolve host: {host}")
        return 6
    if context.program is None or not context.program.listens(port):
        io.complain(f"curl: (7) Failed to connect to {host} port {port} after 0 ms: Could not connect to server")
        return 7
    io.out(context.program.answer(Request("GET", path, {"user-agent": "curl/8.0"})).body.encode())
    return 0


def _constant(code: int) -> Command:
    return lambda shell, words, io: code


_TAIL = _filter("tail", lambda letters, given, lines: lines[-_number(given) :] if _number(given) else [], "nc")

COMMANDS: dict[str, Command] = {
    "[": bracket, "break": _leave("break"), "cat": cat, "cd": cd, "continue": _leave("continue"), "cp": cp, "curl": fetch, "date": date,
    "dd": dd, "echo": echo, "env": env, "eval": eval_, "exec": exec_, "exit": exit_, "export": export, "expr": expr, "false": _constant(1),
    "grep": _filter("grep", _grep, "e"), "head": head,
    "hostname": hostname, "httpd": httpd, "id": id_, "kill": _constant(0), "ls": ls, "md5sum": checksum("md5"), "mkdir": mkdir, "mv": mv,
    "nc": nc, "printenv": printenv, "printf": printf, "ps": ps, "pwd": pwd, "read": read, "return": _leave("return"), "rm": rm,
    "seq": seq, "set": set_, "sha256sum": checksum("sha256"), "shift": shift, "sleep": sleep, "sort": _filter("sort", _sort),
    "sync": _constant(0), "tail": tail, "tee": tee, "test": test, "timeout": timeout, "touch": touch, "tr": tr, "trap": trap,
    "true": _constant(0), ":": _constant(0), "umask": _constant(0), "uname": uname, "unset": unset, "wait": wait, "wc": wc,
    "wget": fetch, "which": which, "whoami": whoami,
}  # fmt: skip

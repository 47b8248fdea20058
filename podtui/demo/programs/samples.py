"""The programs of the images that the scenarios use: web servers, loggers, jobs, and what goes wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from podtui.demo.programs.program import Answer, Body, Connection, Program, Request

_PATHS = ("/", "/cart", "/items/17", "/items/230", "/search?q=lamp", "/static/app.js", "/login", "/items/5?ref=mail")
_CLIENTS = ("10.64.0.31", "10.64.1.7", "10.64.2.19", "192.168.10.2")


class Kubia(Program):
    """The web server of the textbook's chapters, a Node.js program: as PID 1 it does not handle SIGTERM."""

    stop_after = None
    ports = (8080,)

    def run(self) -> Body:
        self.context.say("Kubia server starting...")
        yield None
        return 0

    def answer(self, request: Request) -> Answer:
        self.context.say(f"Received request from ::ffff:{request.client}")
        return Answer(200, f"You've hit {self.context.hostname}\n")

    def probe(self, path: str, port: int) -> Answer:
        """The kubelet's own requests are in its log, too."""
        if not self.listens(port):
            raise ConnectionRefusedError
        return self.answer(Request("GET", path, client=self.context.ip.rpartition(".")[0] + ".1"))


class UnhealthyKubia(Kubia):
    """It answers five requests, then only says that it is not well."""

    _asked = 0

    def answer(self, request: Request) -> Answer:
        self._asked += 1
        answer = super().answer(request)
        return answer if self._asked <= 5 else Answer(500, "I'm not well. Please restart me!\n")


class Web(Program):
    """A web server with visitors; it logs as nginx does."""

    visits = True
    port = 8080

    def run(self) -> Body:
        context = self.context
        context.say(
            f"{context.image} on {context.hostname}: listening on port {self.ports[0]}", f"{context.hostname}: ready for connections"
        )
        if not self.visits:
            yield None
        while True:
            yield context.random.uniform(2.0, 12.0)
            status = context.random.choices((200, 304, 404, 500), (90, 6, 3, 1))[0]
            self._log(context.random.choice(_CLIENTS), "GET", context.random.choice(_PATHS), status, context.random.randint(180, 9000))

    def answer(self, request: Request) -> Answer:
        path = request.path.split("?")[0]
        if path in ("/healthz", "/readyz", "/livez", "/ready"):
            answer = Answer(200, "ok\n")
        elif path in ("/", "/index.html"):
            answer = Answer(200, f"<html><body><h1>{self.context.image}</h1><p>{self.context.hostname}</p></body></html>\n", "text/html")
        else:
            answer = Answer(404, f"{path}: not found\n")
        self._log(request.client, request.method, request.path, answer.status, len(answer.body), request.headers.get("user-agent", "-"))
        return answer

    def _log(self, client: str, method: str, path: str, status: int, size: int, agent: str = "Mozilla/5.0") -> None:
        now = datetime.fromtimestamp(self.context.clock.now(), UTC)
        self.context.say(f'{client} - - [{now:%d/%b/%Y:%H:%M:%S} +0000] "{method} {path} HTTP/1.1" {status} {size} "-" "{agent}"')


class Nginx(Web):
    visits = False
    port = 80


class JsonLogger(Program):
    """A service that logs one JSON object a line, with levels, durations and now and then an error."""

    def run(self) -> Body:
        self._say("info", "starting", version=self.context.image.rpartition(":")[2])
        while True:
            yield self.context.random.uniform(0.8, 2.5)
            level = self.context.random.choices(("info", "debug", "warn", "error"), (80, 12, 5, 3))[0]
            path, milliseconds = self.context.random.choice(_PATHS), round(self.context.random.expovariate(1 / 40), 1)
            if level == "warn":
                self._say(level, "slow query", path=path, duration_ms=milliseconds + 500, table="orders")
            elif level == "error":
                self._say(level, "request failed", path=path, status=502, error="upstream closed the connection")
            else:
                self._say(level, "request served", path=path, status=200, duration_ms=milliseconds)

    def _say(self, level: str, message: str, **more: object) -> None:
        time = self.context.clock.micro_timestamp()
        self.context.say(json.dumps({"time": time, "level": level, "msg": message, **more}, separators=(",", ":")))


class LogfmtLogger(Program):
    """A service that logs pairs of key and value, with statuses and durations."""

    def run(self) -> Body:
        self._say("info", "listening", addr=":8080")
        while True:
            yield self.context.random.uniform(0.4, 1.5)
            status = self.context.random.choices((200, 404, 429, 503), (85, 7, 4, 4))[0]
            took = self.context.random.expovariate(1 / 40) + (900 if status == 503 else 0)
            level = "error" if status >= 500 else "warn" if status == 429 else "info"
            words = {429: "too many requests", 503: "no backend is ready"}.get(status, "request served")
            user = self.context.random.choice(("anna", "bora", "minsu", "-"))
            self._say(level, words, path=self.context.random.choice(_PATHS), status=status, took=f"{took:.1f}ms", user=user)

    def _say(self, level: str, message: str, **more: object) -> None:
        pairs = {"ts": self.context.clock.micro_timestamp(), "level": level, "msg": json.dumps(message), **more}
        # A value with an equals sign (a query) stands in quotes, as logfmt's encoders write it.
        self.context.say(" ".join(f"{key}={json.dumps(value) if '=' in str(value)[1:] else value}" for key, value in pairs.items()))


class KlogLogger(Program):
    """A controller that logs as Kubernetes' own components do (k8s.io/klog, structured)."""

    def run(self) -> Body:
        self._say("I", 'leaderelection.go:271] "Successfully acquired lease" lease="logs/manager"')
        while True:
            yield self.context.random.uniform(0.8, 3.0)
            pod = f"shop/web-{self.context.random.randint(1, 5)}"
            letter = self.context.random.choices("IWE", (80, 14, 6))[0]
            if letter == "I":
                self._say(letter, f'controller.go:143] "Reconciled" pod="{pod}" duration="{self.context.random.randint(2, 90)}ms"')
            elif letter == "W":
                self._say(letter, f'reflector.go:561] "Watch ended early" resource="pods" retries={self.context.random.randint(1, 4)}')
            else:
                self._say(letter, f'controller.go:152] "Failed to reconcile" err="the object has been modified" pod="{pod}"')

    def _say(self, letter: str, rest: str) -> None:
        now = datetime.fromtimestamp(self.context.clock.now(), UTC)
        self.context.say(f"{letter}{now:%m%d %H:%M:%S.%f}       1 {rest}")


class Colours(Program):
    """It colours its lines, redraws a progress bar, and writes what a terminal must not obey."""

    def run(self) -> Body:
        self.context.say("\x1b[1;36mbuild\x1b[0m starts in \x1b[38;5;208mproduction\x1b[0m mode")
        while True:
            yield self.context.random.uniform(2.0, 4.0)
            module = self.context.random.choice(("cart", "login", "search", "checkout"))
            self.context.say(f"\x1b[32m✓\x1b[0m {module}\x1b[90m ({self.context.random.randint(20, 400)} ms)\x1b[0m")
            yield 1.0
            bar = "".join(f"\rbundling {percent:3} % [{'#' * (percent // 10):10}]" for percent in range(0, 101, 10))
            self.context.say(bar.lstrip("\r"))
            if self.context.random.random() < 0.3:
                self.context.say(f"\x1b[1;33mWARN\x1b[0m {module} is larger than 244 KiB", "\x1b[2J\x1b]0;not your title\x07 harmless here")


class Stacktrace(Program):
    """A worker that takes jobs and throws now and then; the traces have many lines."""

    def run(self) -> Body:
        number = 1000
        self.context.say("INFO  worker is waiting for jobs on queue orders")
        while True:
            yield self.context.random.uniform(2.0, 6.0)
            number += 1
            self.context.say(f"INFO  job {number} taken")
            yield 0.5
            if self.context.random.random() < 0.8:
                self.context.say(f"INFO  job {number} done")
                continue
            self.context.say(
                f"ERROR job {number} failed",
                "Traceback (most recent call last):",
                '  File "/app/worker.py", line 88, in run',
                "    self.handle(job)",
                '  File "/app/worker.py", line 131, in handle',
                "    total = sum(item.price for item in job.items)",
                '  File "/app/models.py", line 42, in items',
                "    return self._load(self.order_id)",
                f"KeyError: 'order {number} has no items'",
            )


class Noisy(Program):
    """Many lines, in bursts."""

    def run(self) -> Body:
        chance, count = self.context.random, 0
        while True:
            more = chance.randint(5, 15)
            figures = [(count + number, chance.random(), chance.random() * 4) for number in range(1, more + 1)]
            self.context.say(*(f"sample {number}: cpu={cpu:.3f} load={load:.2f}" for number, cpu, load in figures))
            count += more
            yield 1.0


class Korean(Program):
    """Lines in Korean, with wide characters."""

    def run(self) -> Body:
        self.context.say("알림 서비스를 시작합니다")
        while True:
            yield self.context.random.uniform(2.0, 5.0)
            number = self.context.random.randint(1000, 9999)
            self.context.say(
                self.context.random.choice(
                    (
                        f"주문 {number}번 배송 안내를 보냈습니다",
                        f"고객 {number}님께 문자를 보냈습니다 📦",
                        f"경고: 메시지 {number}의 전송이 늦어지고 있습니다",
                    )
                )
            )


class Crash(Program):
    """It fails a little after its start, again and again."""

    def run(self) -> Body:
        self.context.say("recommender starts", "loading the model from /models/current")
        yield 3.0
        self.context.say(
            "panic: model file is truncated: expected 52428800 bytes, got 1024",
            "",
            "goroutine 1 [running]:",
            "main.loadModel({0xc00001c0a8, 0xf})",
            "\t/app/model.go:57 +0x1d4",
            "main.main()",
            "\t/app/main.go:23 +0x65",
        )
        return 1


class OutOfMemory(Program):
    """It uses more and more memory until it is killed."""

    def run(self) -> Body:
        for megabytes in (32, 64, 128, 256, 512):
            self.context.say(f"cache has {megabytes} MiB")
            yield 2.0
        self.reason = "OOMKilled"
        return 137


class Job(Program):
    """Work that takes some twenty seconds and succeeds."""

    def run(self) -> Body:
        self.context.say("begins")
        for percent in (25, 50, 75, 100):
            yield self.context.random.uniform(3.0, 7.0)
            self.context.say(f"{percent} % done")
        self.context.say("finished without errors")
        return 0


class SlowStart(Program):
    """It listens at once, but is ready for requests only after a minute."""

    port = 8080
    _ready = False

    def run(self) -> Body:
        for percent in range(0, 100, 10):
            self.context.say(f"warming the cache: {percent} %")
            yield 6.0
        self._ready = True
        self.context.say("ready")
        yield None
        return 0

    def answer(self, request: Request) -> Answer:
        return super().answer(request) if self._ready else Answer(503, "not yet: the cache is cold\n")


class Database(Program):
    """It keeps connections open and says nothing that makes sense without its protocol."""

    stop_after = 1.5
    port = 5432

    def run(self) -> Body:
        self.context.say("LOG:  starting the database", f"LOG:  listening on port {self.ports[0]}", "LOG:  ready to accept connections")
        while True:
            yield 300.0
            self.context.say(f"LOG:  checkpoint complete: wrote {self.context.random.randint(3, 90)} buffers")

    def accept(self) -> Connection:
        return Connection()

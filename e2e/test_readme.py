"""The tour of the README, typed into terminals: every command of its `console` blocks, in order, in an empty folder.

A line that begins with `$ ` is a command, the lines after it are what must come back. `…` stands for anything in a line,
and alone for any lines. Key ids, sessions, cards, times and the like are other ones each time; a key id or session in a command is the one that
came back where the page showed it. A command that serves gets a terminal of its own; a second `countersign serve` ends the
first, as Ctrl-C would. A command fails the test by its exit code, unless `echo $?` comes next.
"""
import fcntl, os, pty, re, select, struct, subprocess, termios, time

from guard import BINARY, PATIENCE, ROOT, environment
from nginx import free_port

SERVERS = ("countersign serve", "python3 -m http.server")

# What is another one each time, by its shape.
VARYING = {
    "key": r"\bk[a-z2-7]{26}\b",
    "session": r"(?<![\w-])(?=[\w-]*[A-Z])[\w-]{22}(?![\w-])",
    "card": r"countersign1:[\w-]+…?",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "id": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "mac": r":[A-Za-z0-9+/]{43}=:",
    "milliseconds": r"\b\d{13}\b",
    "date": r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
}


def steps(page):
    """The commands of a page with the lines that it shows after each."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def replace_word(old, new, text):
    return re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _: new, text)


class Terminal:
    """bash in a terminal, and what appears there. Its prompt is a mark with the exit code of the last command."""

    PROMPT = re.compile(r"<<(\d+)>>$")

    def __init__(self, folder, environ):
        self.screen, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        settings = termios.tcgetattr(child)
        settings[1] &= ~termios.ONLCR
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(child, termios.TCSANOW, settings)
        self.shell = subprocess.Popen(["bash", "--norc", "--noprofile", "--noediting", "-i"], cwd=folder, stdin=child, stdout=child,
                                      stderr=child, start_new_session=True, env=environ | {"PS1": "<<$?>>", "PS2": ""},
                                      preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(child)
        self.until(self.PROMPT)

    def until(self, pattern, patience=PATIENCE):
        """What appears until the pattern does, and the pattern's match."""
        octets, seen, ends = b"", "", time.monotonic() + patience
        while not (found := re.search(pattern, seen)):
            ready, _, _ = select.select([self.screen], [], [], max(0, ends - time.monotonic()))
            assert ready, f"nothing like {pattern} appears after {seen!r}"
            octets += os.read(self.screen, 65536)
            seen = re.sub(r"\x1b\[[0-9;]*m", "", octets.decode(errors="replace"))
        return seen[:found.start()], found

    def type(self, command, until=PROMPT):
        os.write(self.screen, command.encode() + b"\n")
        return self.until(until)

    def interrupt(self):
        """Ctrl-C, and the prompt that comes back. Python may be where the first one is lost: in a handler that swallows it."""
        for _ in range(4):
            os.write(self.screen, b"\x03")
            try:
                self.until(self.PROMPT, PATIENCE / 4)
                return
            except AssertionError:
                pass
        self.until(self.PROMPT)

    def stop(self):
        self.interrupt()
        os.write(self.screen, b"exit\n")
        self.shell.wait(timeout=PATIENCE)
        os.close(self.screen)


class Tour:
    """Plays the page: its ports and its home are others here, and are shown as the page has them."""

    def __init__(self, folder, ends):
        self.folder, self.ends, self.serving, self.known = folder, ends, {}, {}
        (folder / "bin").mkdir()
        (folder / "bin/countersign").symlink_to(BINARY)
        (folder / "home").mkdir()
        (folder / "empty").mkdir()
        self.ours = {port: str(free_port()) for port in ("8470", "8471", "3000")} | {"/home/alice": str(folder / "home")}
        self.environ = environment(
            PATH=f"{folder}/bin:{os.environ['PATH']}", HOME=str(folder / "home"), USER="alice", TERM="dumb",
            COUNTERSIGN_LISTEN=f"127.0.0.1:{self.ours['8470']}", COUNTERSIGN_ADMIN_LISTEN=f"127.0.0.1:{self.ours['8471']}")
        self.environ.pop("XDG_CONFIG_HOME", None)
        self.desk = self.terminal()

    def terminal(self):
        return self.ends(Terminal(self.folder / "empty", self.environ))

    def here(self, text):
        for theirs, ours in (self.ours | self.known).items():
            text = replace_word(theirs, ours, text)
        return text

    def there(self, text):
        for theirs, ours in self.ours.items():
            text = replace_word(ours, theirs, text)
        return text

    def play(self, command, lines):
        """Types a command and gives what appears, as lines, with its exit code."""
        server = next((server for server in SERVERS if command.startswith(server)), None)
        if not server:
            seen, prompt = self.desk.type(self.here(command))
            return self.there(seen).splitlines(), int(prompt[1])
        if server in self.serving:
            self.serving[server].interrupt()
        terminal = self.serving.setdefault(server, self.terminal())
        last = "|".join([self.shape(self.here(lines[-1])), Terminal.PROMPT.pattern])
        seen, found = terminal.type(self.here(command), last)
        return self.there(seen + found[0]).splitlines(), 0

    def shape(self, line):
        """A pattern for the lines that say the same as this line of the page."""
        kinds = "|".join(f"(?P<{kind}>{shape})" for kind, shape in VARYING.items())
        literal, end, pattern = lambda text: re.escape(text).replace("…", ".*"), 0, ""
        for found in re.finditer(kinds, line):
            pattern += literal(line[end:found.start()]) + "(?:" + VARYING[found.lastgroup] + ")"
            end = found.end()
        return pattern + literal(line[end:])

    def learn(self, line, seen):
        """Remembers which key or session is here what the page calls by another name."""
        for kind in ("key", "session"):
            for theirs, ours in zip(re.findall(VARYING[kind], line), re.findall(VARYING[kind], seen)):
                assert self.known.setdefault(theirs, ours) == ours, f"{theirs} is two of its kind: {seen}"

    def compare(self, lines, seen):
        rest, any_lines = list(seen), False
        for line in lines:
            if line.strip() == "…":
                any_lines = True
                continue
            while True:
                assert rest, f"{line!r} does not appear in\n" + "\n".join(seen)
                actual = rest.pop(0)
                if re.fullmatch(self.shape(line), actual):
                    break
                assert any_lines, f"the page says\n{line}\nand what appears is\n{actual}\nin\n" + "\n".join(seen)
            self.learn(line, actual)
            any_lines = False
        assert any_lines or not rest, "the page does not show\n" + "\n".join(rest)


def test_the_tour_is_what_happens(home, ends):
    tour, tour_of_the_page = Tour(home, ends), steps((ROOT / "README.md").read_text())
    assert len(tour_of_the_page) > 8
    for (command, lines), (following, _) in zip(tour_of_the_page, [*tour_of_the_page[1:], ("", [])]):
        seen, code = tour.play(command, lines)
        print(f"$ {command}", *seen, sep="\n")
        tour.compare(lines, seen)
        assert code == 0 or following == "echo $?", f"{command} exited with {code}"

"""The real binary: a guard with a data directory of its own, and clients that are enrolled at it."""
import functools, json, os, pathlib, queue, signal, subprocess, threading

ROOT = pathlib.Path(__file__).parents[1]
BINARY = pathlib.Path(os.environ.get("E2E_BINARY", ROOT / "target/debug/countersign")).resolve()

# How long anything may take before a test gives up. Nothing is measured by it: the machine may be busy.
PATIENCE = 60


def environment(**more):
    """Ours, without what would configure the guard or lead a program to another proxy."""
    foreign = lambda name: name.startswith("COUNTERSIGN_") or name.lower().endswith("_proxy")
    return {name: value for name, value in os.environ.items() if not foreign(name)} | more


def run(command, expect=0, **more):
    """Runs a command to its end and gives its standard output, if it exits as it should."""
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, **({"env": environment()} | more))
    assert done.returncode == expect, f"{command} exited with {done.returncode}:\n{done.stdout}\n{done.stderr.decode()}"
    return done


class Guard:
    """A guard that listens on a port that the system chooses. `settings` are lines of its configuration file."""

    def __init__(self, home, settings=""):
        self.home, self.config, self.process, self.url = home, home / "countersign.toml", None, None
        home.mkdir(parents=True, exist_ok=True)
        places = f'data = "{home}/data"\nlisten = "127.0.0.1:0"\nadmin_listen = "127.0.0.1:0"\n'
        self.config.write_text(places + settings)

    def start(self):
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen([BINARY, "serve", "--config", self.config], stdout=subprocess.PIPE,
                                            stderr=log, text=True, env=environment())
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        words = lines.get(timeout=PATIENCE).split()
        assert words[:2] == ["listening", "on"], f"it did not start: {words} {self.log()}"
        self.url = words[2]
        return self

    def stop(self):
        """Ends it as a service manager would."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()
        assert code == 0, f"it stopped with {code}: {self.log()}"

    def log(self):
        return (self.home / "log").read_text()

    def operate(self, *command):
        """What an operator's command prints."""
        return run([BINARY, *command, "--config", self.config]).stdout.decode()

    def events(self):
        return [json.loads(line) for line in self.operate("event", "list", "--json").splitlines()]

    def enrol(self, name, role="user", server=None, **environ):
        """A client whose key is a person's, or for libraries that sign with the key itself, a program's: `role="service"`."""
        card = self.operate("user", "invite", "--ticket", "--role", role).splitlines()[0]
        client = Client(self.home / f"client-{name}", server or self.url, environ)
        client.countersign("enrol", "--server", client.server, "--card", "@-", "--username", name, input=card.encode())
        return client


class Client:
    """Somebody with an enrolled key, and the `countersign` command."""

    def __init__(self, home, server, environ):
        self.server, self.environ = server, environment(COUNTERSIGN_HOME=str(home), **environ)

    def countersign(self, *command, expect=0, **more):
        return run([BINARY, *command], expect, env=self.environ, **more)

    def call(self, target, *options, expect=0, **more):
        """A signed call; the body of its verified answer."""
        return self.countersign("call", *options, self.server + target, expect=expect, **more).stdout

    def answer(self, target, *options, expect=0):
        """The same, with status and fields: `call -i`."""
        head, _, body = self.call(target, "-i", *options, expect=expect).partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        return int(status.split()[1]), [tuple(line.split(": ", 1)) for line in lines], body

    @functools.cached_property
    def key(self):
        """The key with its secrets, for other people's libraries."""
        return json.loads(self.countersign("key", "show", "--danger-secret", "--json").stdout)

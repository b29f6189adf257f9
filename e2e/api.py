"""An API that knows nothing of Countersign and writes down what reaches it."""
import http.server, json, threading


class Api:
    """Answers `{"seen": n}` for the n-th request, or what `answers[path]` says: (status, fields, body)."""

    def __init__(self):
        self.requests, self.answers = [], {}
        handler = type("Handler", (Handler,), {"api": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def last(self):
        return self.requests[-1]


class Seen:
    """A request as it arrived: target and fields octet for octet."""

    def __init__(self, method, target, fields, body):
        self.method, self.target, self.fields, self.body = method, target, fields, body

    def values(self, name):
        return [value for other, value in self.fields if other.lower() == name]

    def names(self):
        return {name.lower() for name, _ in self.fields}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.api.requests.append(Seen(self.command, self.path, self.headers.items(), body))
        usual = (200, [("Content-Type", "application/json")], json.dumps({"seen": len(self.api.requests)}).encode())
        status, fields, content = self.api.answers.get(self.path.partition("?")[0], usual)
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass

"""An nginx of its own for a test, in one process that the test ends."""
import os, pathlib, shutil, socket, subprocess, time

from guard import PATIENCE

HERE = pathlib.Path(__file__).parent

MAIN = """
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log info;
events {{ worker_connections 512; }}
http {{
    types {{ text/plain txt; text/html html; application/json json; }}
    access_log {home}/access.log;
    client_body_temp_path {home}/temp;
    proxy_temp_path {home}/temp;
    fastcgi_temp_path {home}/temp;
    uwsgi_temp_path {home}/temp;
    scgi_temp_path {home}/temp;
    {site}
}}
"""


def program():
    """The system's nginx, or the one that `e2e/install` unpacked."""
    places = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin"])
    found = shutil.which("nginx", path=places) or HERE / ".tools/usr/sbin/nginx"
    assert os.access(found, os.X_OK), "there is no nginx; run e2e/install"
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """nginx with the server blocks `site(port)`. It cannot choose its port itself, so another is tried if one is taken."""

    def __init__(self, home, site):
        (home / "temp").mkdir(parents=True)
        self.home = home
        for _ in range(5):
            self.port = free_port()
            (home / "nginx.conf").write_text(MAIN.format(home=home, site=site(self.port)))
            if self.comes_up():
                return
        raise AssertionError(self.log())

    def comes_up(self):
        command = [program(), "-p", self.home, "-c", self.home / "nginx.conf", "-e", self.home / "error.log"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        ends = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < ends:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except ConnectionRefusedError:
                time.sleep(0.02)
        complaint = self.process.communicate()[1]
        assert "Address already in use" in complaint, complaint
        return False

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)

    def log(self):
        return (self.home / "error.log").read_text()

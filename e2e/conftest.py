"""What the tests are given: a guard, an API, nginx, each on a port of its own and ended with the test."""
import datetime, ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api import Api
from guard import BINARY, Guard
from nginx import Nginx


@pytest.fixture(scope="session", autouse=True)
def binary():
    assert BINARY.exists(), f"there is no {BINARY}; build it: cargo build --workspace --bins"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="module")
def ends():
    """Takes what must be stopped when the tests of a file are through, the last one first."""
    started = []

    def later(thing):
        started.append(thing)
        return thing

    yield later
    for thing in reversed(started):
        thing.stop()


@pytest.fixture(scope="module")
def api(ends):
    return ends(Api())


@pytest.fixture(scope="module")
def start_guard(home, ends):
    return lambda settings="", name="guard": ends(Guard(home / name, settings).start())


@pytest.fixture(scope="module")
def start_nginx(home, ends):
    return lambda site, name="nginx": ends(Nginx(home / name, site))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost that is its own authority, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    key, now, day = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC), datetime.timedelta(1)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
            .add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256()))
    (directory / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "key.pem").write_bytes(secret)
    return directory

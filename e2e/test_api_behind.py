"""nginx as the API behind the guard: unmodified, unaware, and every answer of it verified, octet for octet."""
import gzip, os

import pytest

SITE = """
server {{
    listen 127.0.0.1:{port};
    root {root};
    gzip on;
    gzip_types text/plain application/json;
    gzip_min_length 100;
    client_max_body_size 32m;
    add_header X-Upstream-User $http_remote_user;
    add_header X-Upstream-Host $http_host;
    location = /old {{ return 301 /new?x=1; }}
    location = /status/204 {{ return 204; }}
    location = /status/500 {{ return 500 "broken\\n"; }}
    location = /cookies {{ add_header Set-Cookie "a=1; Path=/"; add_header Set-Cookie "b=2"; return 200 "two\\n"; }}
    location = /latin {{ add_header X-Name "caf\\xe9"; return 200 "latin\\n"; }}
    location /up/ {{ root {root}; dav_methods PUT DELETE; create_full_put_path on; }}
}}
"""

TEXT = "".join(f"line {number} of a text that gzip makes shorter\n" for number in range(2000)).encode()
OCTETS = os.urandom(3 * 1024 * 1024)


@pytest.fixture(scope="module")
def root(home):
    files = {"index.html": b"<p>hello</p>\n", "text.txt": TEXT, "octets.bin": OCTETS, "empty.txt": b"",
             "huge.bin": bytes(9 * 1024 * 1024), "a b/caf\u00e9.txt": b"named\n", "folder/index.html": b"inside\n"}
    for name, content in files.items():
        place = home / "root" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (home / "root/up").mkdir()
    return home / "root"


@pytest.fixture(scope="module")
def alice(root, start_nginx, start_guard):
    behind = start_nginx(lambda port: SITE.format(port=port, root=root))
    return start_guard(f'upstream = "http://127.0.0.1:{behind.port}"\n').enrol("alice")


@pytest.mark.parametrize("target, content", [
    ("/", b"<p>hello</p>\n"), ("/text.txt", TEXT), ("/octets.bin", OCTETS), ("/empty.txt", b""),
    ("/a%20b/caf%C3%A9.txt", b"named\n"), ("/folder/", b"inside\n"), ("/text.txt?a=%2F&b=1&b=2", TEXT),
])
def test_a_file_arrives_octet_for_octet(alice, target, content):
    assert alice.call(target) == content


def test_the_api_is_told_who_calls_and_by_which_name_it_is_reached(alice):
    _, fields, _ = alice.answer("/", "-H", "remote-user: root")
    assert ("x-upstream-user", "alice") in fields
    assert ("x-upstream-host", alice.server.removeprefix("http://")) in fields


def test_an_answer_is_compressed_by_the_api_as_the_client_asked_and_passed_on_as_it_is(alice):
    _, fields, body = alice.answer("/text.txt", "-H", "accept-encoding: gzip")
    assert ("content-encoding", "gzip") in fields
    assert len(body) < len(TEXT) and gzip.decompress(body) == TEXT


def test_an_answer_to_head_has_the_fields_of_the_file_and_no_body(alice):
    status, fields, body = alice.answer("/text.txt", "-X", "HEAD")
    assert (status, body) == (200, b"")
    assert "last-modified" in dict(fields)


def test_a_part_of_a_file_is_a_verified_206(alice):
    status, fields, body = alice.answer("/octets.bin", "-H", "range: bytes=1000-1999")
    assert (status, body) == (206, OCTETS[1000:2000])
    assert ("content-range", f"bytes 1000-1999/{len(OCTETS)}") in fields
    status, _, body = alice.answer("/octets.bin", "-H", "range: bytes=0-9,20-29")
    assert status == 206 and OCTETS[20:30] in body


def test_a_file_that_the_client_has_is_a_verified_304(alice):
    etag = dict(alice.answer("/text.txt")[1])["etag"]
    status, _, body = alice.answer("/text.txt", "-H", f"if-none-match: {etag}")
    assert (status, body) == (304, b"")


def test_a_redirect_is_verified_and_not_followed(alice):
    status, fields, _ = alice.answer("/old")
    assert status == 301 and dict(fields)["location"].endswith("/new?x=1")


def test_an_answer_without_content_is_verified(alice):
    status, _, body = alice.answer("/status/204")
    assert (status, body) == (204, b"")


def test_fields_that_cannot_be_combined_arrive_one_by_one(alice):
    _, fields, _ = alice.answer("/cookies")
    assert [value for name, value in fields if name == "set-cookie"] == ["a=1; Path=/", "b=2"]


def test_a_field_beyond_ascii_is_verified(alice):
    assert alice.call("/latin") == b"latin\n"


@pytest.mark.parametrize("target, status", [("/none.txt", 404), ("/status/500", 500), ("/up/", 403)])
def test_the_apis_own_errors_are_verified_and_said_by_the_exit_code(alice, target, status):
    assert alice.answer(target, expect=22)[0] == status


def test_an_upload_arrives_octet_for_octet(alice, root, tmp_path):
    for name, content in {"small": b"x", "none": b"", "large": OCTETS}.items():
        (tmp_path / name).write_bytes(content)
        status, _, _ = alice.answer(f"/up/new/{name}", "-X", "PUT", "-d", f"@{tmp_path / name}")
        assert status == 201
        assert (root / "up/new" / name).read_bytes() == content
        assert alice.call(f"/up/new/{name}") == content
    assert alice.answer("/up/new/small", "-X", "DELETE")[0] == 204
    assert not (root / "up/new/small").exists()


def test_a_longer_answer_than_can_be_signed_is_said_to_be_one(alice):
    status, _, body = alice.answer("/huge.bin", expect=22)
    assert status == 502 and b"urn:countersign:answer-too-large" in body


def test_a_longer_upload_than_is_taken_never_reaches_the_api(alice, root, tmp_path):
    (tmp_path / "body").write_bytes(bytes(17 * 1024 * 1024))
    status, _, body = alice.answer("/up/long", "-X", "PUT", "-d", f"@{tmp_path / 'body'}", expect=22)
    assert status == 413 and b"urn:countersign:too-large" in body
    assert not (root / "up/long").exists()

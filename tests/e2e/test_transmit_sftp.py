"""A package sent to a real server on loopback: cut, refused, full, damaged, resumed."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from e2e.invented import ended, started
from e2e.sftp_server import Server, know, serving
from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.transmit.audit import audit_path
from scorehouse.transmit.connect import HostKeyError, Login, SendError
from scorehouse.transmit.manifest import Manifest, PackedFile, write_manifest
from scorehouse.transmit.sftp import SendOptions, SendReport, send_package
from scorehouse.transmit.target import Target

LARGE = 2_500_000
BLOCK = 1 << 20
QUICK = SendOptions(tries=2, pause_seconds=0.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of one large file and one small one."""
    folder = tmp_path / "package"
    folder.mkdir()
    files = []
    for name, size in (("results-ELA-07-001.zip", LARGE), ("results-Math-04-001.zip", 700)):
        content = random.Random(size).randbytes(size)
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files.append(PackedFile(name, "trt", "ELA", "07", 3, 9, size, digest))
    write_manifest(Manifest("2016-07-01T08:00:00+00:00", "scorehouse", tuple(files)), folder)
    return folder


def login(server: Server) -> Login:
    return Login(server.known_hosts, identity=server.client_key, seconds=10.0)


def send(package: Path, server: Server, options: SendOptions = QUICK) -> SendReport:
    return send_package(package, Target.parse(server.address), login(server), options)


def arrived(package: Path, server: Server) -> bool:
    """Whether exactly the package's files are on the server, with their bytes."""
    there = {path.name: path.read_bytes() for path in server.inbox.iterdir()}
    return there == {path.name: path.read_bytes() for path in package.iterdir()}


def test_a_package_arrives_whole(package: Path, server: Server) -> None:
    seen: list[tuple[int, int | None]] = []
    report = send_package(
        package,
        Target.parse(server.address),
        login(server),
        QUICK,
        lambda done, total: seen.append((done, total)),
    )
    assert arrived(package, server)
    assert [file.state for file in report.files] == ["sent"] * 4
    assert report.files[-1].name == "manifest.json"
    assert report.fingerprint == server.host_key.get_fingerprint()
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] == report.size


def test_nothing_has_its_name_before_it_is_whole(package: Path, server: Server) -> None:
    send(package, server)
    written = [name for name in server.trouble.names if name.startswith("results-ELA")]
    assert written == []
    assert any(name.startswith(".results-ELA") for name in server.trouble.names)


def test_a_cut_connection_is_taken_up_again(package: Path, server: Server) -> None:
    server.trouble.cut_after = [1_200_000, 700_000]
    report = send(package, server)
    assert arrived(package, server)
    assert report.connections == 3
    large = report.files[0]
    assert large.state == "resumed"
    assert large.resumed_from >= BLOCK
    assert server.trouble.written < LARGE + BLOCK


def test_a_killed_transmission_goes_on_another_day(package: Path, server: Server) -> None:
    server.trouble.cut_after = [1_500_000, 0, 0, 0]
    with pytest.raises(SendError, match="lost or refused"):
        send(package, server, replace(QUICK, tries=1))
    (part,) = server.inbox.iterdir()
    left = part.stat().st_size
    assert part.name.startswith(".results-ELA-07-001.zip.")
    assert left >= BLOCK
    server.trouble.cut_after = []
    report = send(package, server)
    assert arrived(package, server)
    assert report.files[0].state == "resumed"
    assert BLOCK <= report.files[0].resumed_from <= left


def test_a_killed_command_goes_on_where_it_was(
    package: Path, server: Server, tmp_path: Path
) -> None:
    """The process dies at once, in the middle of a file, as at a power cut."""
    arguments = [
        *("send", package, server.address, "--identity", server.client_key),
        *("--known-hosts", server.known_hosts, "--json"),
    ]
    server.trouble.slow_seconds = 0.05
    process = started(*arguments, folder=tmp_path)
    deadline = time.monotonic() + 60
    while _most(server) < 2 * BLOCK and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (part,) = server.inbox.iterdir()
    assert part.name.startswith(".results-ELA-07-001.zip.")
    assert 2 * BLOCK <= part.stat().st_size < LARGE
    server.trouble.slow_seconds, server.trouble.written = 0.0, 0
    done = ended(started(*arguments, folder=tmp_path))
    assert done.code == 0, done.err
    assert arrived(package, server)
    report = json.loads(done.out)
    assert [file["state"] for file in report["files"]] == ["resumed", "sent", "sent", "sent"]
    assert report["files"][0]["resumed_from"] >= BLOCK
    assert server.trouble.written < LARGE


def _most(server: Server) -> int:
    return max((path.stat().st_size for path in server.inbox.iterdir()), default=0)


def test_a_part_of_other_content_is_not_gone_on_with(package: Path, server: Server) -> None:
    server.trouble.cut_after = [2_300_000, 0, 0]
    with pytest.raises(SendError):
        send(package, server, replace(QUICK, tries=1))
    (part,) = server.inbox.iterdir()
    content = bytearray(part.read_bytes())
    content[1_300_000] ^= 1
    part.write_bytes(content)
    server.trouble.cut_after = []
    report = send(package, server)
    assert arrived(package, server)
    assert report.files[0].resumed_from == BLOCK


def test_sending_again_changes_nothing(package: Path, server: Server) -> None:
    send(package, server)
    before = server.trouble.written
    report = send(package, server)
    assert [file.state for file in report.files] == ["already_there"] * 4
    assert server.trouble.written == before


def test_another_file_of_the_name_is_refused_unless_replaced(package: Path, server: Server) -> None:
    (server.inbox / "results-Math-04-001.zip").write_bytes(b"older")
    with pytest.raises(SendError, match="--replace"):
        send(package, server)
    assert (server.inbox / "results-Math-04-001.zip").read_bytes() == b"older"
    send(package, server, replace(QUICK, replace=True))
    assert arrived(package, server)


def test_an_unknown_server_is_refused_with_its_fingerprint(package: Path, server: Server) -> None:
    server.known_hosts.unlink()
    with pytest.raises(HostKeyError) as caught:
        send(package, server)
    assert server.host_key.get_fingerprint() in str(caught.value)
    assert "--trust" in str(caught.value)
    assert list(server.inbox.iterdir()) == []


def test_a_server_with_another_key_is_refused(package: Path, server: Server) -> None:
    know(server, asyncssh.generate_private_key("ssh-ed25519"))
    with pytest.raises(HostKeyError, match="another key than the one known"):
        send(package, server)
    fingerprint = server.host_key.get_fingerprint()
    trusting = replace(login(server), trusted_fingerprint=fingerprint)
    with pytest.raises(HostKeyError, match="another key than the one known"):
        send_package(package, Target.parse(server.address), trusting, QUICK)
    assert list(server.inbox.iterdir()) == []


def test_a_told_fingerprint_is_trusted_from_then_on(package: Path, server: Server) -> None:
    server.known_hosts.unlink()
    fingerprint = server.host_key.get_fingerprint()
    wrong = replace(login(server), trusted_fingerprint="SHA256:somethingelse")
    with pytest.raises(HostKeyError, match="nothing was sent"):
        send_package(package, Target.parse(server.address), wrong, QUICK)
    right = replace(login(server), trusted_fingerprint=fingerprint)
    send_package(package, Target.parse(server.address), right, QUICK)
    assert arrived(package, server)
    assert server.known_hosts.read_text(encoding="utf-8").count("\n") == 1
    assert send(package, server).fingerprint == fingerprint


def test_a_wrong_key_is_refused(package: Path, server: Server, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(tmp_path / "other"))
    stranger = replace(login(server), identity=tmp_path / "other")
    with pytest.raises(SendError, match="accepts no key of sender"):
        send_package(package, Target.parse(server.address), stranger, QUICK)


def test_key_files_that_cannot_be_used(package: Path, server: Server, tmp_path: Path) -> None:
    target = Target.parse(server.address)
    (tmp_path / "nonsense").write_text("no key", encoding="utf-8")
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(tmp_path / "locked"), "pkcs8-pem", passphrase="heron")
    for name in ("absent", "nonsense", "locked"):
        with pytest.raises(UsageError, match=name):
            send_package(package, target, replace(login(server), identity=tmp_path / name), QUICK)


def test_a_folder_that_may_not_be_written(package: Path, server: Server) -> None:
    server.trouble.is_read_only = True
    with pytest.raises(SendError, match="doesn't let sender write"):
        send(package, server)


def test_a_folder_that_is_not_there(package: Path, server: Server) -> None:
    target = Target.parse(server.address.replace("/inbox", "/outbox"))
    with pytest.raises(SendError, match="folder /outbox isn't on the server"):
        send_package(package, target, login(server), QUICK)


def test_a_full_disk_is_told_and_sending_goes_on_later(package: Path, server: Server) -> None:
    server.trouble.disk_bytes = 1_500_000
    with pytest.raises(SendError, match="no space left"):
        send(package, server)
    assert [path.name[0] for path in server.inbox.iterdir()] == ["."]
    server.trouble.disk_bytes = None
    assert send(package, server).files[0].state == "resumed"
    assert arrived(package, server)


def test_bytes_changed_on_the_way_are_noticed(package: Path, server: Server) -> None:
    server.trouble.corrupts = True
    with pytest.raises(SendError, match="came out different"):
        send(package, server)
    assert list(server.inbox.iterdir()) == []


def test_a_server_that_is_not_there(package: Path, server: Server) -> None:
    target = replace(Target.parse(server.address), port=1)
    with pytest.raises(SendError, match="lost or refused"):
        send_package(package, target, login(server), QUICK)


def test_a_dry_run_writes_nothing(package: Path, server: Server) -> None:
    report = send(package, server, replace(QUICK, dry_run=True))
    assert [file.state for file in report.files] == ["would_send"] * 4
    assert list(server.inbox.iterdir()) == []
    assert not audit_path(package).exists()


def test_every_file_is_on_record(package: Path, server: Server) -> None:
    server.trouble.cut_after = [1_200_000]
    send(package, server)
    lines = [json.loads(line) for line in audit_path(package).read_text("utf-8").splitlines()]
    assert [line["name"] for line in lines] == [
        "results-ELA-07-001.zip",
        "results-Math-04-001.zip",
        "manifest.txt",
        "manifest.json",
    ]
    first = lines[0]
    assert first["target"] == server.address
    assert first["host_key"] == server.host_key.get_fingerprint()
    assert first["size"] == LARGE
    assert first["connections"] == 2
    assert first["verified_by"] == "digest"
    assert first["sha256"] == hashlib.sha256((package / first["name"]).read_bytes()).hexdigest()


def test_a_damaged_package_is_not_sent(package: Path, server: Server) -> None:
    (package / "results-Math-04-001.zip").write_bytes(b"changed")
    with pytest.raises(InputRefusedError, match="the package was damaged"):
        send(package, server)
    assert server.trouble.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "ftp://a@b/c",
        "sftp://b/c",
        "sftp://a:secret@b/c",
        "sftp://a@b:x/c",
        "sftp://a@b/c?d",
        "b:/c",
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        Target.parse(address)
    assert "secret" not in str(caught.value)

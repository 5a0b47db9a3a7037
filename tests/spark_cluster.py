"""A real Spark cluster on loopback: a master, two workers, a Connect server; all processes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NO_SPARK = "there is no Java or no pyspark on this machine"
_JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.executor.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": _JAVA,
    "spark.executor.extraJavaOptions": _JAVA,
    "spark.sql.shuffle.partitions": "4",
    "spark.connect.grpc.binding.address": "127.0.0.1",
}
_SMALL = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.leafNodeDefaultParallelism": "1",
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
_PATIENCE = 90.0


def is_possible() -> bool:
    """Whether this machine can run a cluster."""
    return shutil.which("java") is not None and importlib.util.find_spec("pyspark") is not None


@contextmanager
def cluster(folder: Path, *, workers: int = 2, is_small: bool = True) -> Iterator[str]:
    """Start a cluster and yield the URL of its Connect server; end all its processes.

    `is_small`: queries over few rows are interpreted, which costs less than compiling them.
    """
    started: list[subprocess.Popen[bytes]] = []
    master, connect = _free_port(), _free_port()
    at = f"spark://127.0.0.1:{master}"
    try:
        started.append(_start(folder, "master", _master(master)))
        _await_port(master, started)
        started.extend(
            _start(folder, f"worker{number}", _worker(folder, at, number))
            for number in range(workers)
        )
        started.append(_start(folder, "connect", _connect(at, connect, is_small)))
        _await_port(connect, started)
        yield f"sc://127.0.0.1:{connect}"
    finally:
        _end(started)


def _master(port: int) -> list[str]:
    name = "org.apache.spark.deploy.master.Master"
    return ["spark-class", name, "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]


def _worker(folder: Path, master: str, number: int) -> list[str]:
    return [
        *("spark-class", "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1"),
        *("--cores", "1", "--memory", "1g", "--webui-port", "0"),
        *("--work-dir", str(folder / f"work{number}"), master),
    ]


def _connect(master: str, port: int, is_small: bool) -> list[str]:
    settings = {
        **_SETTINGS,
        **(_SMALL if is_small else {}),
        "spark.connect.grpc.binding.port": str(port),
    }
    told = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    name = "org.apache.spark.sql.connect.service.SparkConnectServer"
    return ["spark-submit", "--master", master, "--class", name, *told, "spark-internal"]


def _start(folder: Path, name: str, words: list[str]) -> subprocess.Popen[bytes]:
    spec = importlib.util.find_spec("pyspark")
    assert spec is not None
    assert spec.submodule_search_locations
    home = Path(spec.submodule_search_locations[0])
    environment = {
        **{key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")},
        "SPARK_HOME": str(home),
        "SPARK_DAEMON_MEMORY": "1g" if name == "connect" else "256m",
        "SPARK_DAEMON_JAVA_OPTS": _JAVA,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "PYSPARK_PYTHON": sys.executable,
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", ""),
    }
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [str(home / "bin" / words[0]), *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={key: value for key, value in environment.items() if value},
            cwd=folder,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await_port(port: int, started: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert all(process.poll() is None for process in started), "a process of Spark ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("Spark didn't start in time")


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """End the processes, clients first; executors end with the worker that started them."""
    for process in reversed(started):
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        _signal(process, signal.SIGKILL)
        process.wait(15)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process and all that it started; they share a session of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)

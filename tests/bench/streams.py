"""Builds the Kafka Streams contender once, into .cache/bench-streams-HASH of its sources.

As tests/kafka/fetch does it: Maven's own store is beside the result and removed at the end, so that the caller's home
is not written to, and the folder gets its name in one rename, so that whoever sees it sees all of it."""
import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from gauge import Failure

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
SOURCES = sorted(p for p in (HERE / "streams").rglob("*") if p.suffix in (".java", ".xml"))


def _folder():
    seen = hashlib.sha256()
    for path in SOURCES:
        seen.update(path.read_bytes())
    return CACHE / f"bench-streams-{seen.hexdigest()[:12]}"


def is_built():
    return _folder().is_dir()


def build():
    folder = _folder()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "bench-streams.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return
        print("bench: building the Kafka Streams contender (from Maven Central, once)", flush=True)
        part = CACHE / "bench-streams.part"
        shutil.rmtree(part, ignore_errors=True)
        command = ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", HERE / "streams" / "pom.xml"]
        command += [f"-Dmaven.repo.local={part}/m2", f"-Dinto={part}/into", "package"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode == 0:
            (part / "into" / "lib").rename(folder)
        shutil.rmtree(part, ignore_errors=True)
        if done.returncode != 0:
            raise Failure(f"Maven could not build Kafka Streams\n{done.stdout[-2000:]}")


def classpath():
    build()
    return f"{_folder()}/*"

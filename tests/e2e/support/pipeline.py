"""The shipped conf.d/user-login.conf, moved to topics of its own, so that tests share a broker and nothing
else.

The file is taken as it is and only its names change: `source`, `group` and each `topic` get the test's
prefix. A test that needs another setting says so with set(), which changes exactly one line, or adds one.
That way the end-to-end tests test the file that ships, and break when it breaks.
"""
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "conf.d" / "user-login.conf"
SOURCE = "user-login"
SINKS = ("processed-output", "processed-errors", "cleaned-data", "metrics-output", "summary-output")


class Pipeline:
    """A conf.d/ of one test. topic("processed-output") is the name of that topic here."""

    def __init__(self, conf_dir, prefix):
        self.dir = Path(conf_dir)
        self.prefix = prefix
        self.dir.mkdir(parents=True)
        self.file = self.dir / SHIPPED.name
        shutil.copyfile(SHIPPED, self.file)
        text = self.file.read_text(encoding="utf-8")
        self.group = prefix + re.search(r"^group *= *([^\s;]+)", text, re.M).group(1)
        text = re.sub(r"^((?:source|group|topic) *= *)(?=[^\s;])", rf"\g<1>{prefix}", text, flags=re.M)
        self.file.write_text(text, encoding="utf-8")

    @property
    def source(self):
        return self.topic(SOURCE)

    @property
    def topics(self):
        """All six names."""
        return [self.topic(t) for t in (SOURCE, *SINKS)]

    def topic(self, name):
        return self.prefix + name

    def text(self):
        return self.file.read_text(encoding="utf-8")

    def write(self, text):
        """Replaces the file in one rename, as an editor should."""
        new = self.file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.rename(self.file)

    def set(self, section, **options):
        """Sets options of one section ("chain user-login", "stage summary", "kafka"): set("stage age",
        max_age="1h"). A name with a dot goes through a dict: set("kafka", **{"linger.ms": 0}). The value None
        removes the line."""
        text = self.text()
        head = re.search(rf"^\[{re.escape(section)}\].*\n", text, re.M)
        assert head, f"{self.file} has no section [{section}]"
        after = re.compile(r"^\[", re.M).search(text, head.end())
        end = after.start() if after else len(text)
        body = text[head.end() : end]
        for name, value in options.items():
            body = re.sub(rf"^{re.escape(name)} *=.*\n", "", body, flags=re.M)
            if value is not None:
                body = f"{name} = {value}\n" + body
        self.write(text[: head.end()] + body + text[end:])

    def remove(self, section):
        """Removes a whole section."""
        self.write(re.sub(rf"^\[{re.escape(section)}\].*\n(?:(?!\[).*\n?)*", "", self.text(), flags=re.M))

    def create(self, client, partitions=4, **config):
        """Creates its six topics."""
        client.create_topics(*self.topics, partitions=partitions, **config)

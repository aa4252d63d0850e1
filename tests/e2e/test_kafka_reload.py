"""SIGHUP under load: the new generation comes between two records, the group notices nothing, and whatever is
wrong with the new one leaves the old one at work."""
import json
import os
import shutil
from pathlib import Path

import pytest
from support.feed import Feed
from support.logins import Ended, logins
from support.weir import binary

EVER = {"MAX_MESSAGE_AGE": "10000d"}
EVENTS = logins(300_000, missing=15_000, version=15_000, malformed=1000, no_user=1000)
PLUGINS = Path(os.environ.get("WEIR_TEST_PLUGINS", Path(binary()).resolve().parent / "tests" / "plugins"))


@pytest.fixture
def run(weir, pipeline):
    def start(**env):
        w = weir("run", "-c", pipeline.dir, env={**EVER, **env})
        w.wait_for("partitions assigned")
        return w

    return start


def host(pipeline, text):
    (pipeline.dir / "00-host.conf").write_text(f"[host]\n{text}\n", encoding="utf-8")


def install(plugin, folder, name=None):
    """Puts a plugin in place as a package manager does: by a rename."""
    folder.mkdir(exist_ok=True)
    new = folder / "new"
    shutil.copyfile(plugin, new)
    new.rename(folder / (name or plugin.name))


def reload(w, outcome):
    mark = w.mark()
    w.reload()
    return w.wait_for(outcome, since=mark)


def assigned_once(w):
    text = w.stderr
    assert text.count("partitions assigned") == 1, text
    assert "partitions lost" not in text


def test_many_reloads_under_load_neither_lose_nor_repeat_nor_rebalance(client, broker, pipeline, run):
    w = run()
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        for n in range(40):
            sent = feed.sent
            pipeline.set("stage summary", every=500 + n % 2)
            client.wait_for("the load goes on", lambda sent=sent: feed.sent > sent)
            reload(w, r"reload done: generation=\d+ changed=1 unchanged=0 refused=0")
    client.wait_until_committed(pipeline.group, pipeline.source)
    assigned_once(w)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(feed.written)
    found = [json.loads(r.value)["processed_count"] for r in client.read(pipeline.topic("summary-output"))]
    processed = client.count(pipeline.topic("processed-output"))
    assert sorted(set(found)) == sorted(found), "a total was published twice"
    assert processed - 1002 <= max(found) <= processed, "the totals did not survive"


def test_the_records_of_a_reload_follow_either_the_old_or_the_new_rule(client, broker, pipeline, run):
    w = run()
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        client.wait_for("some went by the old rule", lambda: feed.sent > 1000)
        pipeline.set("stage version", accept="9.9.9")
        reload(w, "chain reloaded: generation=2")
        sent = feed.sent
        client.wait_for("some go by the new rule", lambda: feed.sent > sent + 1000)
        pipeline.set("stage version", accept="2.3.0, 1.9.7")
        reload(w, "chain reloaded: generation=3")
        sent = feed.sent
        client.wait_for("some go by the last rule", lambda: feed.sent > sent + 1000)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assigned_once(w)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    assert sum(ended.counts().values()) == len(feed.written) == len(ended.by_key)
    assert ended.counts()["cleaned-data"] > 0


def test_a_replaced_plugin_is_picked_up_and_its_state_goes_on(client, broker, pipeline, run, tmp_path):
    folder = tmp_path / "plugins"
    install(PLUGINS / "v1" / "counts_state.so", folder)
    host(pipeline, f"plugin_path = {folder}")
    sink = "[stage processed-output]"
    pipeline.write(pipeline.text().replace(sink, "[stage counter]\nplugin = counts_state\n\n" + sink))
    w = run()
    with Feed(broker.address, pipeline.source, logins(100_000)) as feed:
        for version in (2, 1, 2, 1, 2):
            sent = feed.sent
            client.wait_for("the load goes on", lambda sent=sent: feed.sent > sent + 300)
            install(PLUGINS / f"v{version}" / "counts_state.so", folder)
            reload(w, r"reload done: .*changed=1")
        sent = feed.sent
        client.wait_for("the load goes on", lambda: feed.sent > sent + 300)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assigned_once(w)
    assert w.terminate() == 0
    values = [json.loads(r.value) for r in client.read(pipeline.topic("processed-output"))]
    assert sorted(v["count"] for v in values) == list(range(1, len(feed.written) + 1))
    versions = [v["version"] for v in sorted(values, key=lambda v: v["count"])]
    changes = [b for a, b in zip([0] + versions, versions) if a != b]
    assert changes == [1, 2, 1, 2, 1, 2]


def test_what_is_wrong_with_a_reload_is_said_and_the_old_generation_goes_on(client, pipeline, run, tmp_path):
    folder = tmp_path / "plugins"
    for name in ("pass_through", "bad_create", "restore_fails"):
        install(PLUGINS / f"{name}.so", folder)
    install(PLUGINS / "pass_through.so", folder, "spoiled.so")
    host(pipeline, f"plugin_path = {folder}")
    first = "[stage user]"
    pipeline.write(pipeline.text().replace(first, "[stage x]\nplugin = restore_fails\n\n" + first))
    good = pipeline.text()
    w = run()

    def refused(text, said):
        pipeline.write(text)
        mark = w.mark()
        reload(w, "reload refused, the old generation goes on")
        w.wait_for(said, since=mark, timeout=1)
        pipeline.write(good)

    conf = r"user-login\.conf:\d+: "
    refused(good.replace("max_age", "max_aeg"), conf + ".*max_aeg.*did you mean")
    refused(good + "\n[stage", conf)
    refused("", r"00-host|conf\.d|user-login")
    refused(good.replace(first, "[stage y]\nplugin = bad_create\n\n" + first), conf + '.*stage "y"')
    refused(good.replace(first, "[stage y]\nplugin = nowhere\n\n" + first), conf + ".*nowhere")
    refused(good.replace("every  =", "interval = 1h\nevery  ="),
            r'user-login\.conf:\d+: stage "x" does not take over .*: this plugin takes nothing back')  # fmt: skip
    refused(good.replace("source = ", "source = other-", 1), conf + "source topic other-.* does not exist")
    more = [pipeline.dir / f"{name}.conf" for name in ("more-1", "more-2")]
    for file in more:  # every chain's fault at once
        file.write_text(
            f"[chain {file.stem}]\nsource = no-{file.stem}\ngroup = g\n"
            f"[stage o-{file.stem}]\nplugin = kafka_sink\nfrom = *\ntopic = {pipeline.source}\n"
        )
    refused(good, "the old generation goes on: chains=2")
    for file in more:
        w.wait_for(f"{file.name}:1: source topic no-{file.stem} does not exist", timeout=1)
        file.unlink()
    (folder / "restore_fails.so").write_bytes(b"garbage")  # overwritten in place, while it is mapped
    refused(good, "restore_fails")

    events = logins(500, missing=50, version=50)
    client.produce(pipeline.source, (e.record() for e in events))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assigned_once(w)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)


@pytest.mark.parametrize("member", ["static", "dynamic"])
def test_a_change_of_the_clients_is_taken_over_by_new_workers(client, broker, pipeline, run, member):
    """They are ready before the old ones drain and leave. The state of the stages goes along."""
    if member == "static":
        host(pipeline, "instance = one")
    w = run()
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        for section, option in (("kafka", {"linger.ms": 7}), ("chain user-login", {"consumer.fetch.wait.max.ms": 77}),
                                ("chain user-login", {"tasks": 2}), ("chain user-login", {"tasks": 1})):  # fmt: skip
            sent = feed.sent
            client.wait_for("the load goes on", lambda sent=sent: feed.sent > sent + 1000)
            pipeline.set(section, **option)
            mark = w.mark()
            reload(w, r"reload done: generation=\d+ changed=1 unchanged=0 refused=0")
            print(w.wait_for(r"new workers took over: .*pause_ms=\d+", since=mark, timeout=60).group(0))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(feed.written)


def test_chains_come_and_go(client, broker, pipeline, run):
    """One file more, one file less: the chain that is not named in it is not touched."""
    w = run()
    second = pipeline.dir / "second.conf"
    client.create_topics(pipeline.topic("second"))
    text = f"[chain second]\nsource = {pipeline.source}\ngroup = {pipeline.group}-2\n" \
           f"[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = {pipeline.topic('second')}\n"  # fmt: skip
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        client.wait_for("the load goes on", lambda: feed.sent > 1000)
        second.write_text(text, encoding="utf-8")
        reload(w, r"reload done: generation=\d+ changed=0 unchanged=1 refused=0 added=1 removed=0")
        w.wait_for("chain=second partitions assigned")
        second.write_text(text.replace("kafka_sink", "kafka_sank"), encoding="utf-8")
        reload(w, "reload refused, the old generation goes on")
        second.unlink()
        reload(w, r"reload done: generation=\d+ changed=0 unchanged=1 refused=0 added=0 removed=1")
        w.wait_for("chain=second task ended")
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.stderr.count("chain=user-login partitions assigned") == 1
    assert w.terminate() == 0

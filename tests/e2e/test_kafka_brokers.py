"""Brokers that restart, die, freeze or are not there yet: weir waits, says so once, and loses nothing."""
import pytest
from support.feed import Feed
from support.kafka import Client
from support.logins import Ended, logins
from support.pipeline import SINKS, Pipeline

EVER = {"MAX_MESSAGE_AGE": "10000d"}
EVENTS = logins(300_000, missing=15_000, version=15_000, malformed=1000, no_user=1000)


@pytest.fixture
def run(weir, pipeline):
    def start(**env):
        return weir("run", "-c", pipeline.dir, env={**EVER, **env})

    return start


def moves_on(client, pipeline, by=1000):
    topic = pipeline.topic("processed-output")
    goal = client.end(topic) + by
    client.wait_for(f"{by} more records on {topic}", lambda: client.end(topic) >= goal)


def disturb(client, broker, pipeline, w, what):
    with Feed(broker.address, pipeline.source, EVENTS) as feed:
        w.wait_for("partitions assigned")
        moves_on(client, pipeline)
        what()
        moves_on(client, pipeline, 3000)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    ended = Ended(client, pipeline)
    repeats = ended.check(feed.written)
    ended.check_order(client.read(pipeline.source))
    print(f"events={feed.sent} repeats={repeats}")
    return repeats


def said(w, text):
    return sum(text in line for line in w.stderr.splitlines())


def test_a_broker_that_is_restarted_under_load_loses_nothing(client, broker, pipeline, run):
    w = run()
    disturb(client, broker, pipeline, w, broker.restart)
    for client_of_weir in ("consumer", "producer"):  # a client that was idle just then has noticed nothing
        times = said(w, f"no broker can be reached, waiting: client={client_of_weir}")
        assert times <= 1
        assert said(w, f"brokers are back: client={client_of_weir}") == times
    assert said(w, "no broker can be reached") > 0


def test_a_broker_that_is_killed_under_load_loses_nothing(client, broker, pipeline, run):
    def kill():
        broker.kill()
        broker.start()

    disturb(client, broker, pipeline, run(), kill)


def test_a_broker_that_freezes_for_a_while_loses_nothing(client, broker, pipeline, run):
    w = run()

    def freeze():
        mark = w.mark()
        broker.pause()
        try:
            w.wait_for("sends are not acknowledged, waiting for brokers", since=mark, timeout=60)
        finally:
            broker.resume()
        w.wait_for("sends are acknowledged again", since=mark)

    disturb(client, broker, pipeline, w, freeze)


def test_weir_waits_for_a_broker_that_is_not_up_yet(own_broker, weir, tmp_path):
    broker = own_broker()
    client = Client(broker.address)
    pipeline = Pipeline(tmp_path / "conf.d", "")
    pipeline.create(client)
    events = logins(100)
    client.produce(pipeline.source, (e.record() for e in events))
    broker.stop()
    w = weir("run", "-c", pipeline.dir, env={**EVER, "KAFKA_BOOTSTRAP_SERVERS": broker.address})
    w.wait_for("waiting: .*Broker transport failure|waiting: no broker")
    w.wait_for("no broker can be reached", count=2)
    broker.start()
    w.wait_for("partitions assigned")
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    assert said(w, "login waiting: ") == 1
    for client_of_weir in ("consumer", "producer"):  # librdkafka 2.16 may tell of the last failure once more
        times = said(w, f"waiting: client={client_of_weir}")
        assert 1 <= times <= 2
        assert said(w, f"brokers are back: client={client_of_weir}") == times
    Ended(client, pipeline).check_once(events)
    client.close()


def test_a_missing_topic_ends_weir_with_what_to_do(client, pipeline, run):
    client.delete_topics(pipeline.topic("cleaned-data"))
    w = run()
    assert w.wait() == 70
    w.wait_for(rf"task ended: topic {pipeline.topic('cleaned-data')} does not exist: create it")
    client.create_topics(pipeline.topic("cleaned-data"))
    w = run()
    w.wait_for("partitions assigned")
    assert w.terminate() == 0


def test_a_topic_that_is_created_a_moment_later_is_waited_for(client, pipeline, run):
    client.delete_topics(*map(pipeline.topic, SINKS))
    w = run()
    w.wait_for("waiting: topic .* does not exist")
    client.create_topics(*map(pipeline.topic, SINKS))
    w.wait_for("partitions assigned")
    assert w.terminate() == 0


def test_a_chain_reads_from_one_cluster_and_writes_to_another(client, own_broker, weir, prefix, tmp_path):
    """On topics of one name, and with commits where it reads: a second run repeats nothing."""
    there = own_broker()
    other = Client(there.address)
    topic = f"{prefix}copied"
    for each in (client, other):
        each.create_topics(topic)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "mirror.conf").write_text(
        f"[chain mirror]\nsource = {topic}\ngroup = {prefix}mirror\nstart = earliest\nvalue_format = bytes\n"
        f"consumer.bootstrap.servers = {client.address}\nproducer.bootstrap.servers = {there.address}\n"
        f"[stage out]\nplugin = kafka_sink\nfrom = *\ntopic = {topic}\n"
    )
    for count in (1000, 2000):
        client.produce(topic, [b"%d" % n for n in range(count - 1000, count)])
        w = weir("run", "-c", tmp_path / "mirror")
        client.wait_until_committed(f"{prefix}mirror", topic)
        assert w.terminate() == 0
        assert sorted(int(r.value) for r in other.read(topic)) == list(range(count))
    assert client.end(topic) == 2000
    other.close()

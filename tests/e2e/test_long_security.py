"""TLS, SASL and access rules by librdkafka's own property names: each kind of listener works, and what is wrong is
said so that a person knows what to do. No secret is ever in the log or in what `weir check` prints: the passwords
are given to the leak search like any protected value.

SCRAM: librdkafka before 2.6.1 repeats its nonce in the last message (its issue 4895), and Kafka from 4.0 on takes
that for a wrong password. So what works is shown on Kafka 3.9; and on the other that weir says what is wrong."""
import re

import confluent_kafka
import pytest
from support.logins import Ended, logins
from support.pipeline import SINKS
from support.secure import (
    GROUP, MTLS_NAME, PASSWORD, READ, TOPIC, TRANSACTIONAL_ID, USER, WRITE, Certificates, SecureBroker, allow,
)  # fmt: skip

EVER = {"MAX_MESSAGE_AGE": "10000d"}
WRONG = "pw-0d44e1-of-nobody"
SCRAM_WORKS = confluent_kafka.libversion()[1] >= 0x020601FF

TLS = {"security.protocol": "ssl", "ssl.ca.location": "@ca@"}
MUTUAL = {**TLS, "ssl.certificate.location": "@client@", "ssl.key.location": "@client-key@",
          "ssl.key.password": "${file:@secrets@:key}"}  # fmt: skip


def sasl(mechanism, tls=True, password="${file:@secrets@:password}"):
    settings = {"sasl.mechanism": mechanism, "sasl.username": USER, "sasl.password": password}
    if tls:
        return {**settings, "security.protocol": "sasl_ssl", "ssl.ca.location": "@ca@"}
    return {**settings, "security.protocol": "sasl_plaintext"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls") / "certificates")


OLDER = pytest.mark.parametrize("broker", ["3.9.1"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def broker(request, tmp_path_factory, certificates):
    version = getattr(request, "param", None)
    b = SecureBroker(tmp_path_factory.mktemp("secure") / "kafka", certificates, version)
    yield b
    b.kill()


@pytest.fixture
def run(broker, certificates, pipeline, leaks, tmp_path, weir, weir_call):
    """run("SASLSSL", {"sasl.mechanism": "PLAIN"}): checks the configuration, then starts it on that listener."""
    secrets = tmp_path / "secrets"
    secrets.write_text(f"password = {PASSWORD}\nkey = {Certificates.KEY_PASSWORD}\n", encoding="ascii")
    leaks.protect(PASSWORD, WRONG, Certificates.KEY_PASSWORD)
    paths = {
        "ca": certificates.path("ca"),
        "stranger": certificates.path("stranger"),
        "client": certificates.path("client"),
        "client-key": certificates.path("client", "locked.key"),
        "secrets": secrets,
    }

    def start(listener, settings):
        filled = {k: re.sub(r"@([a-z-]+)@", lambda m: str(paths[m.group(1)]), v) for k, v in settings.items()}
        pipeline.set("kafka", **filled)
        env = {**EVER, "KAFKA_BOOTSTRAP_SERVERS": broker.of(listener), "THE_PASSWORD": PASSWORD, "A_WRONG_ONE": WRONG}
        checked = weir_call("check", "-c", pipeline.dir, env=env)
        leaks.texts.append(("what weir check prints", checked.stdout + checked.stderr))
        assert checked.returncode == 0, checked.stderr
        return weir("run", "-c", pipeline.dir, env=env)

    return start


def allow_all(client, pipeline, but=()):
    """Gives both users what the pipeline needs, but for the resources named."""
    rules = [(READ, GROUP, pipeline.group), (READ, TOPIC, pipeline.source)]
    rules += [(WRITE, TOPIC, pipeline.topic(t)) for t in SINKS]
    rules += [(WRITE, TRANSACTIONAL_ID, pipeline.group + "/")]
    for operation, kind, name in rules:
        for user in (USER, MTLS_NAME):
            if name not in but:
                allow(client, user, operation, kind, name)


WORKING = {
    "TLS": ("SSL", TLS),
    "mutual TLS with a locked key": ("MTLS", MUTUAL),
    "PLAIN without TLS": ("SASLPLAIN", sasl("PLAIN", tls=False)),
    "PLAIN over TLS, password by environment": ("SASLSSL", sasl("PLAIN", password="${env:THE_PASSWORD}")),
}
SCRAM = {
    "SCRAM-SHA-256 over TLS": ("SASLSSL", sasl("SCRAM-SHA-256")),
    "SCRAM-SHA-512 without TLS": ("SASLPLAIN", sasl("SCRAM-SHA-512", tls=False)),
}


def goes_through(client, pipeline, run, listener, settings):
    allow_all(client, pipeline)
    events = logins(100, missing=10, version=10)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run(listener, settings)
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)
    return w


@pytest.mark.parametrize("name", WORKING)
def test_a_record_goes_through_with(name, client, pipeline, run):
    goes_through(client, pipeline, run, *WORKING[name])


def warned(pipeline, w):
    line = pipeline.text().split("sasl.mechanism", maxsplit=1)[0].count("\n") + 1
    return f"user-login.conf:{line}: warning: sasl.mechanism: by SCRAM, librdkafka before 2.6.1" in w.stderr


@OLDER
@pytest.mark.parametrize("name", SCRAM)
def test_a_record_goes_through_kafka_3_with(name, client, pipeline, run):
    w = goes_through(client, pipeline, run, *SCRAM[name])
    assert warned(pipeline, w) != SCRAM_WORKS


@OLDER
def test_weir_waits_and_says_what_is_wrong_with_a_scram_password(run):
    w = run("SASLSSL", sasl("SCRAM-SHA-512", password="${env:A_WRONG_ONE}"))
    w.wait_for(REFUSED + "SCRAM-SHA-512", count=2)
    assert w.terminate() == 0


@pytest.mark.parametrize("name", SCRAM)
def test_a_library_that_cannot_log_in_by_scram_to_kafka_4_is_told_of(name, client, pipeline, run):
    if SCRAM_WORKS:
        assert not warned(pipeline, goes_through(client, pipeline, run, *SCRAM[name]))
        return
    w = run(*SCRAM[name])
    w.wait_for("brokers refuse the connection.*librdkafka before 2.6.1 cannot log in by SCRAM to Kafka 4.0")
    assert warned(pipeline, w)
    assert w.terminate() == 0


# What a person reads. Each is said once by consumer and producer; weir goes on waiting, since a broker's
# certificate or a user can be put right while it runs.
REFUSED = r"error .*brokers refuse the connection, waiting \(see sasl\.\* and ssl\.\* under \[kafka\]\): .*"
AWAY = r"warn .*no broker can be reached, waiting: .*"
WAITING = {
    "wrong password for PLAIN": (
        "SASLSSL", sasl("PLAIN", password="${env:A_WRONG_ONE}"), REFUSED + "Invalid username or password"),
    "wrong password for SCRAM": (
        "SASLSSL", sasl("SCRAM-SHA-256", password="${env:A_WRONG_ONE}"), REFUSED + "invalid credentials"),
    "mechanism that the broker does not have": (
        "SASLPLAIN", {**sasl("OAUTHBEARER", tls=False), "enable.sasl.oauthbearer.unsecure.jwt": "true",
                      "sasl.oauthbearer.config": "principal=p"},
        REFUSED + "supported mechanisms: PLAIN"),
    "unknown CA": (
        "SSL", {**TLS, "ssl.ca.location": "@stranger@"}, REFUSED + "signed by no authority in ssl.ca.location"),
    "expired certificate": ("EXPIRED", TLS, REFUSED + "certificate has expired"),
    "certificate for another host": ("OTHERHOST", TLS, REFUSED + "certificate is for another host"),
    "no client certificate in mutual TLS": ("MTLS", TLS, AWAY + "bad certificate"),
    "no TLS to a TLS listener": ("SSL", {}, AWAY + "connecting to a SSL listener"),
    "TLS to a listener without it": ("SASLPLAIN", sasl("PLAIN"), f"(?:{REFUSED}|{AWAY})SSL handshake failed"),
}  # fmt: skip


@pytest.mark.parametrize("name", WAITING)
def test_weir_waits_and_says_what_is_wrong(name, run):
    listener, settings, expected = WAITING[name]
    w = run(listener, settings)
    w.wait_for(expected, count=2)
    assert w.terminate() == 0


# What would not mend itself ends weir.
FORBIDDEN = {
    "read the source": lambda p: (p.source, f"not authorized to read source topic {p.source}: grant Read and Describe"),
    "use the group": lambda p: (p.group, f"not authorized to use consumer group {p.group}: grant Read on it"),
    "write an output": lambda p: (p.topic("cleaned-data"), f"not authorized to write to topic "
                                  f"{p.topic('cleaned-data')}: grant Write and Describe"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_weir_ends_with_what_to_grant_where_it_may_not(name, client, pipeline, run):
    but, expected = FORBIDDEN[name](pipeline)
    allow_all(client, pipeline, but=(but,))
    events = logins(100, version=10)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run("SASLSSL", sasl("PLAIN"))
    assert w.wait() == 70
    w.wait_for(f"error .*task ended: .*{re.escape(expected)}")
    allow_all(client, pipeline)
    w = run("SASLSSL", sasl("PLAIN"))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check(events)


def test_an_output_that_may_be_seen_but_not_written_stops_at_the_first_record(client, pipeline, run):
    """The look at the start sees it: only the write is refused."""
    topic = pipeline.topic("cleaned-data")
    allow_all(client, pipeline, but=(topic,))
    allow(client, USER, READ, TOPIC, topic)  # with it goes Describe
    client.produce(pipeline.source, (e.record() for e in logins(10, version=10)))
    w = run("SASLSSL", sasl("PLAIN"))
    assert w.wait() == 70
    w.wait_for(f'task ended: stage "cleaned-data": .*not authorized to write to topic {topic}: grant Write')
    assert not any((client.committed(pipeline.group, pipeline.source)).values())


# ---- exactly-once


def exactly_once(pipeline):
    pipeline.set("chain user-login", delivery="exactly-once")
    (pipeline.dir / "host.conf").write_text("[host]\ninstance = one\n", encoding="utf-8")


IN_TRANSACTIONS = {
    "use transactional ids": (
        lambda p: p.group + "/", "grant Write and Describe on transactional ids that begin with the group's name"),
    "use the group": (lambda p: p.group, "grant Read"),
    "write an output": (lambda p: p.topic("cleaned-data"), "grant Write and Describe"),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_TRANSACTIONS)
def test_exactly_once_ends_with_what_to_grant_where_it_may_not(name, client, pipeline, run):
    """And then loses and repeats nothing."""
    exactly_once(pipeline)
    but, expected = IN_TRANSACTIONS[name]
    allow_all(client, pipeline, but=(but(pipeline),))
    events = logins(1000, version=10)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run("SASLSSL", sasl("PLAIN"))
    assert w.wait() == 70
    w.wait_for(f"error .*task ended: .*{re.escape(expected)}")
    assert client.count(pipeline.topic("processed-output")) == 0
    allow_all(client, pipeline)
    w = run("SASLSSL", sasl("PLAIN"))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)


def test_exactly_once_aborts_what_it_may_see_but_not_write(client, pipeline, run):
    """The look at the start sees the topic: only the write is refused, in the midst of a transaction."""
    exactly_once(pipeline)
    topic = pipeline.topic("cleaned-data")
    allow_all(client, pipeline, but=(topic,))
    allow(client, USER, READ, TOPIC, topic)  # with it goes Describe
    events = logins(1000, version=10)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run("SASLSSL", sasl("PLAIN"))
    assert w.wait() == 70
    w.wait_for("task ended: .*not authorized to write to .*: grant Write and Describe")
    allow_all(client, pipeline)
    w = run("SASLSSL", sasl("PLAIN"))
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)

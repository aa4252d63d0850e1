"""TLS, SASL and access rules by librdkafka's own property names: each kind of listener works, and what is wrong is
said so that a person knows what to do. No secret is ever in the log or in what `weir check` prints: the passwords
are given to the leak search like any protected value.

SCRAM: librdkafka before 2.6.1 repeats its nonce in the last message (its issue 4895), and Kafka from 4.0 on takes
that for a wrong password. With such a library the tests of SCRAM expect weir to say so."""
import re

import confluent_kafka
import pytest
from support.logins import Ended, logins
from support.pipeline import SINKS
from support.secure import (
    GROUP, MTLS_NAME, PASSWORD, READ, TOPIC, USER, WRITE, Certificates, SecureBroker, allow,
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


@pytest.fixture(scope="module")
def broker(tmp_path_factory, certificates):
    b = SecureBroker(tmp_path_factory.mktemp("secure") / "kafka", certificates)
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
    for operation, kind, name in rules:
        for user in (USER, MTLS_NAME):
            if name not in but:
                allow(client, user, operation, kind, name)


WORKING = {
    "TLS": ("SSL", TLS),
    "mutual TLS with a locked key": ("MTLS", MUTUAL),
    "PLAIN without TLS": ("SASLPLAIN", sasl("PLAIN", tls=False)),
    "PLAIN over TLS, password by environment": ("SASLSSL", sasl("PLAIN", password="${env:THE_PASSWORD}")),
    "SCRAM-SHA-256 over TLS": ("SASLSSL", sasl("SCRAM-SHA-256")),
    "SCRAM-SHA-512 without TLS": ("SASLPLAIN", sasl("SCRAM-SHA-512", tls=False)),
}


@pytest.mark.parametrize("name", WORKING)
def test_a_record_goes_through_with(name, client, pipeline, run):
    allow_all(client, pipeline)
    events = logins(100, missing=10, version=10)
    client.produce(pipeline.source, (e.record() for e in events))
    w = run(*WORKING[name])
    if "SCRAM" in name and not SCRAM_WORKS:
        w.wait_for("brokers refuse the connection.*librdkafka before 2.6.1 cannot log in by SCRAM to Kafka 4.0")
        assert w.terminate() == 0
        pytest.skip("this librdkafka cannot log in by SCRAM to Kafka 4; weir says so")
    client.wait_until_committed(pipeline.group, pipeline.source)
    assert w.terminate() == 0
    Ended(client, pipeline).check_once(events)


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
    "TLS to a listener without it": ("SASLPLAIN", sasl("PLAIN"), REFUSED + "SSL handshake failed"),
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

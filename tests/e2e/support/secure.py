"""A broker with a listener of every kind, certificates of the test's own, and access rules.

    Certificates  a folder of short-lived PEM files made with openssl: two authorities, one of which nobody trusts;
                  certificates for the broker that are good, expired, or for another host; one for a client.
    SecureBroker  listeners PLAINTEXT (the test's own client, which may do all), SSL, EXPIRED, OTHERHOST, MTLS,
                  SASLPLAIN (SASL without TLS) and SASLSSL. SASL takes PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
    allow()       makes an access rule.

A password is written nowhere but in the broker's settings and where a test puts it: a test can then search for it.
Rules go through librdkafka by ctypes: Debian's python3-confluent-kafka is older than its calls for them, and the
jars of the broker hold no tool for it. Rejected: keytool (another 20 lines for the same files; Kafka reads PEM).
"""
import ctypes
import subprocess
from pathlib import Path

from .kafka import Broker

USER = "alice"
PASSWORD = "pw-7f3a9c-of-alice"  # for the searches: no other text is like it
MTLS_NAME = "weir-client"
JAAS = "org.apache.kafka.common.security"
LISTENERS = {
    "SSL": "SSL",
    "EXPIRED": "SSL",
    "OTHERHOST": "SSL",
    "MTLS": "SSL",
    "SASLPLAIN": "SASL_PLAINTEXT",
    "SASLSSL": "SASL_SSL",
}
KEYS = {"SSL": "server", "EXPIRED": "expired", "OTHERHOST": "otherhost", "MTLS": "server", "SASLSSL": "server"}

# Of Kafka's protocol, as rdkafka.h names them.
TOPIC, GROUP = 2, 3
READ, WRITE = 3, 4
_LITERAL, _ALLOW = 3, 3


class Certificates:
    """NAME.pem, NAME.key (without a password) and NAME.both.pem for ca, stranger (an authority that the broker's
    certificates are not of), server, expired, otherhost, client; client.locked.key has KEY_PASSWORD."""

    KEY_PASSWORD = "pw-51be02-of-the-key"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        for authority in ("ca", "stranger"):
            self._openssl("req", "-x509", *self._new(authority), "-days", "2", "-out", self.path(authority))
        here = "subjectAltName=IP:127.0.0.1,DNS:localhost"
        self._sign("server", here)
        self._sign("expired", here, days="-1")
        self._sign("otherhost", "subjectAltName=DNS:other.example")
        self._sign("client", "subjectAltName=DNS:client.example", subject=MTLS_NAME)
        self._openssl("pkcs8", "-topk8", "-in", self.path("client", "key"), "-passout", f"pass:{self.KEY_PASSWORD}",
                      "-out", self.path("client", "locked.key"))  # fmt: skip

    def path(self, name, kind="pem"):
        return self.folder / f"{name}.{kind}"

    def _openssl(self, *args):
        done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"openssl {args[0]}: {done.stderr}"

    def _new(self, name, subject=None):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                self.path(name, "key"), "-subj", f"/CN={subject or name}")  # fmt: skip

    def _sign(self, name, extension, days="2", subject=None):
        self._openssl("req", *self._new(name, subject), "-out", self.path(name, "csr"))
        self.path(name, "ext").write_text(extension + "\n", encoding="ascii")
        self._openssl("x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path("ca"), "-CAkey",
                      self.path("ca", "key"), "-CAcreateserial", "-days", days, "-extfile",
                      self.path(name, "ext"), "-out", self.path(name))  # fmt: skip
        both = self.path(name, "key").read_text("ascii") + self.path(name).read_text("ascii")
        self.path(name, "both.pem").write_text(both, encoding="ascii")


class SecureBroker(Broker):
    """A Broker of many listeners. of("SASLSSL") is the address of one. USER (by SASL) and MTLS_NAME (by its
    certificate) may do nothing at first but what allow() says; the test's own client may do everything."""

    def __init__(self, home, certificates):  # pylint: disable=super-init-not-called
        self.home = Path(home)
        self.certificates = certificates
        args = [f"--listener={name}={protocol}" for name, protocol in LISTENERS.items()]
        args += [f"--set={k}={v}" for k, v in self._settings().items()]
        self.address = self._call("start", *args, f"--scram={USER}={PASSWORD}")

    def of(self, listener):
        return self._call("address", "--of", listener)

    def _settings(self):
        settings = {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # PLAINTEXT, and the controller with itself
            "listener.name.mtls.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]*).*$/$1/",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.certificates.path("ca"),
        }
        for listener, key in KEYS.items():
            prefix = f"listener.name.{listener.lower()}.ssl.keystore."
            settings[prefix + "type"] = "PEM"
            settings[prefix + "location"] = self.certificates.path(key, "both.pem")
        for listener in ("saslplain", "saslssl"):
            prefix = f"listener.name.{listener}."
            scram = f"{JAAS}.scram.ScramLoginModule required;"
            settings[prefix + "sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
            settings[prefix + "plain.sasl.jaas.config"] = (
                f'{JAAS}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            )
            settings[prefix + "scram-sha-256.sasl.jaas.config"] = scram
            settings[prefix + "scram-sha-512.sasl.jaas.config"] = scram
        return settings


def allow(client, user, operation, kind, name):
    """Makes a rule: `user` may do `operation` (READ, WRITE) on one resource: a TOPIC or a GROUP.
    Kafka then grants Describe, too."""
    lib = _library()
    error = ctypes.create_string_buffer(512)
    conf = lib.rd_kafka_conf_new()
    lib.rd_kafka_conf_set(conf, b"bootstrap.servers", client.address.encode(), error, 512)
    handle = lib.rd_kafka_new(0, conf, error, 512)
    assert handle, error.value
    queue = lib.rd_kafka_queue_new(handle)
    rule = lib.rd_kafka_AclBinding_new(
        kind, name.encode(), _LITERAL, f"User:{user}".encode(), b"*", operation, _ALLOW, error, 512
    )
    assert rule, error.value
    rules = (ctypes.c_void_p * 1)(rule)
    lib.rd_kafka_CreateAcls(handle, rules, 1, None, queue)
    event = lib.rd_kafka_queue_poll(queue, 20000)
    assert event, "the broker did not answer"
    assert not lib.rd_kafka_event_error(event), lib.rd_kafka_event_error_string(event)
    for destroy, thing in ((lib.rd_kafka_event_destroy, event), (lib.rd_kafka_AclBinding_destroy, rule),
                           (lib.rd_kafka_queue_destroy, queue), (lib.rd_kafka_destroy, handle)):  # fmt: skip
        destroy(thing)


def _library():
    lib = ctypes.CDLL("librdkafka.so.1")
    pointer, number, text, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t
    for name, result, args in (
        ("conf_new", pointer, []),
        ("conf_set", number, [pointer, text, text, text, size]),
        ("new", pointer, [number, pointer, text, size]),
        ("queue_new", pointer, [pointer]),
        ("queue_poll", pointer, [pointer, number]),
        ("AclBinding_new", pointer, [number, text, number, text, text, number, number, text, size]),
        ("CreateAcls", None, [pointer, pointer, size, pointer, pointer]),
        ("event_error", number, [pointer]),
        ("event_error_string", text, [pointer]),
        ("event_destroy", None, [pointer]),
        ("AclBinding_destroy", None, [pointer]),
        ("queue_destroy", None, [pointer]),
        ("destroy", None, [pointer]),
    ):
        call = getattr(lib, f"rd_kafka_{name}")
        call.restype, call.argtypes = result, args
    return lib

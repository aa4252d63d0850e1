"""A broker with a listener of every kind, certificates of the test's own, and access rules.

    Certificates  a folder of short-lived PEM files made with openssl: two authorities, one of which nobody trusts;
                  certificates for the broker that are good, expired, or for another host; one for a client.
    SecureBroker  listeners PLAINTEXT (the test's own client, which may do all), SSL, EXPIRED, OTHERHOST, MTLS,
                  SASLPLAIN (SASL without TLS) and SASLSSL. SASL takes PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
    allow()       makes an access rule.

A password is written nowhere but in the broker's settings and where a test puts it: a test can then search for it.
Rules are one request of Kafka's protocol, written here: Debian's python3-confluent-kafka is older than its calls for
them, librdkafka 2.0.2 knows no transactional ids there, and the jars of the broker hold no tool for it. Rejected:
keytool (another 20 lines for the same files; Kafka reads PEM).
"""
import os
import socket
import struct
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

# Of Kafka's protocol.
TOPIC, GROUP, TRANSACTIONAL_ID = 2, 3, 5
READ, WRITE = 3, 4
_LITERAL, _PREFIXED, _ALLOW = 3, 4, 3
_CREATE_ACLS = 30


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
    certificate) may do nothing at first but what allow() says; the test's own client may do everything. version: of
    Kafka, None for that of all tests."""

    def __init__(self, home, certificates, version=None):  # pylint: disable=super-init-not-called
        self.home = Path(home)
        self.environment = {**os.environ, "WEIR_TEST_KAFKA": version} if version else None
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
    """Makes a rule: `user` may do `operation` (READ, WRITE) on a TOPIC, a GROUP, or the TRANSACTIONAL_IDs that begin
    with the name. Kafka then grants Describe, too."""
    pattern = _PREFIXED if kind == TRANSACTIONAL_ID else _LITERAL
    rule = struct.pack(">b", kind) + _text(name) + struct.pack(">b", pattern)
    rule += _text(f"User:{user}") + _text("*") + struct.pack(">bb", operation, _ALLOW)
    head = struct.pack(">hhi", _CREATE_ACLS, 1, 0) + _text("tests")
    request = head + struct.pack(">i", 1) + rule
    host, port = client.address.split(":")
    with socket.create_connection((host, int(port)), 20) as s, s.makefile("rb") as answers:
        s.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", answers.read(4))
        answer = answers.read(size)
    _, _, count, error = struct.unpack(">iiih", answer[:14])
    assert (count, error) == (1, 0), f"CreateAcls: {answer}"


def _text(text):
    return struct.pack(">h", len(text)) + text.encode("ascii")

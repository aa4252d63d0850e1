"""Three brokers that share every topic: replication 3, min.insync.replicas 2. Any one may be gone."""
import os

from .kafka import Broker

HEAP = "--heap=256m"
JAVA = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"}  # nodes that are killed every few seconds never get warm


class Node(Broker):
    """One broker of a cluster; address is its own."""

    environment = {**os.environ, **JAVA}

    def __init__(self, home):
        self.home = home
        self.address = self._call("address")

    def start(self):
        self._call("start", HEAP)


class Cluster(Broker):
    """cluster.nodes[1] to [3] are Nodes; what is called on the cluster concerns them all."""

    environment = {**os.environ, **JAVA}

    def __init__(self, home, **settings):
        super().__init__(home, "--nodes=3", HEAP, **settings)
        self.nodes = {n: Node(self.home / str(n)) for n in (1, 2, 3)}

    def leader(self, client, topic, partition=0):
        """The number of the node that leads a partition."""
        return client.admin.list_topics(topic, timeout=20).topics[topic].partitions[partition].leader

    def topics(self, client):
        """The names of all topics, Kafka's own among them."""
        return set(client.admin.list_topics(timeout=20).topics)

    def wait_until_in_sync(self, client):
        """Until every replica of every partition has all: only then may the next node be lost."""

        def in_sync():
            topics = client.admin.list_topics(timeout=20).topics.values()
            return all(len(p.isrs) == len(self.nodes) for t in topics for p in t.partitions.values())

        client.wait_for("all replicas are in sync", in_sync)

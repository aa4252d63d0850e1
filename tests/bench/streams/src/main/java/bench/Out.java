package bench;

/** A finished record and where it goes. */
record Out(String topic, byte[] value) {
}

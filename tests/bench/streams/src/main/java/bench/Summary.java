package bench;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;

/** Totals of one process, over all its tasks and threads; in memory, so that they begin anew with it. */
final class Summary {
    private static final int EVERY = 1000;

    private long received;
    private long processed;
    private long filtered;
    private final Map<String, Long> devices = new LinkedHashMap<>();
    private final Map<String, Long> locales = new LinkedHashMap<>();

    synchronized void received() {
        received++;
    }

    synchronized void filtered() {
        filtered++;
    }

    /** The totals where they are due, else null. */
    synchronized ObjectNode processed(String device, String locale) {
        devices.merge(device, 1L, Long::sum);
        locales.merge(locale, 1L, Long::sum);
        if (++processed % EVERY != 0) {
            return null;
        }
        ObjectNode totals = JsonNodeFactory.instance.objectNode()
            .put("total_received_count", received)
            .put("processed_count", processed)
            .put("filtered_count", filtered);
        devices.forEach(totals.putObject("device_type_counts")::put);
        locales.forEach(totals.putObject("locale_counts")::put);
        return totals;
    }
}

package bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** The steps of the user-login pipeline, for the records of one task. */
final class LoginProcessor implements Processor<byte[], byte[], byte[], Out> {
    private static final String[] REQUIRED = {
        "user_id", "ip", "device_id", "app_version", "device_type", "timestamp", "locale"};
    private static final String ACCEPTED = "2.3.0";
    private static final long MAX_AGE_MS = Long.MAX_VALUE; // the benchmark's records are older than its start
    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?");

    private static final ObjectMapper MAPPER = new ObjectMapper()
        .setNodeFactory(JsonNodeFactory.withExactBigDecimals(true)); // 1.50 leaves as 1.50
    private static final ObjectReader READER = MAPPER.readerFor(JsonNode.class)
        .with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS, DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    private static final ObjectWriter WRITER = MAPPER.writer();

    private final String processed;
    private final String errors;
    private final String cleaned;
    private final String metrics;
    private final String summaries;
    private final Summary summary;
    private final MessageDigest sha256;
    private ProcessorContext<byte[], Out> context;

    LoginProcessor(String prefix, Summary summary) {
        processed = prefix + "processed-output";
        errors = prefix + "processed-errors";
        cleaned = prefix + "cleaned-data";
        metrics = prefix + "metrics-output";
        summaries = prefix + "summary-output";
        this.summary = summary;
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void init(ProcessorContext<byte[], Out> context) {
        this.context = context;
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        long now = System.currentTimeMillis();
        if (now - record.timestamp() > MAX_AGE_MS) {
            return;
        }
        summary.received();
        Login login = new Login(record);
        try {
            login.read();
            if (!login.event.path("app_version").asText().equals(ACCEPTED)) {
                summary.filtered();
                send(record, cleaned, wrapped(login, now).put("clean_type", "filtered_app_version"));
                measure(login, cleaned, now);
                return;
            }
            mask(login);
        } catch (Refused e) {
            send(record, errors, wrapped(login, now).put("error_type", e.getMessage()));
            measure(login, errors, now);
            return;
        }
        send(record, processed, login.event);
        measure(login, processed, now);
        ObjectNode totals =
            summary.processed(login.event.get("device_type").asText(), login.event.get("locale").asText());
        if (totals != null) {
            send(new Record<>(null, null, now), summaries, totals);
        }
    }

    /** What is known of a record so far, which is what its error record shows. */
    private static final class Login {
        private final byte[] value;
        private ObjectNode event = JsonNodeFactory.instance.objectNode();
        private String id = "Unknown";
        private long sinceMs;

        Login(Record<byte[], byte[]> record) {
            value = record.value();
            sinceMs = record.timestamp();
        }

        void read() throws Refused {
            event = parse(value);
            JsonNode user = event.get("user_id");
            if (isMissing(user) || user.asText().isEmpty()) {
                throw new Refused("Missing user_id");
            }
            id = user.asText();
            List<String> missing = null;
            for (String name : REQUIRED) {
                if (isMissing(event.get(name))) {
                    missing = missing == null ? new ArrayList<>() : missing;
                    missing.add(name);
                }
            }
            if (missing != null) {
                throw new Refused("Missing fields: " + String.join(", ", missing));
            }
            sinceMs = millis(event.get("timestamp"));
        }

        private static boolean isMissing(JsonNode node) {
            return node == null || node.isNull();
        }

        private static ObjectNode parse(byte[] value) throws Refused {
            try {
                if (value != null && READER.readTree(value) instanceof ObjectNode object) {
                    return object;
                }
            } catch (JsonProcessingException e) {
                throw new Refused("Message parsing error: " + e.getOriginalMessage());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            throw new Refused("Message parsing error: not an object");
        }

        private static long millis(JsonNode seconds) throws Refused {
            if (seconds.isIntegralNumber()) {
                return seconds.longValue() * 1000;
            }
            if (seconds.isNumber()) {
                return seconds.decimalValue().movePointRight(3).longValue();
            }
            if (seconds.isTextual() && NUMBER.matcher(seconds.textValue()).matches()) {
                return new BigDecimal(seconds.textValue()).movePointRight(3).longValue();
            }
            throw new Refused("Invalid fields: timestamp");
        }
    }

    private void mask(Login login) throws Refused {
        String ip = login.event.get("ip").textValue();
        String device = login.event.get("device_id").textValue();
        String masked = ip == null ? null : withoutLastDigits(ip);
        if (masked == null || device == null) {
            login.event.remove(List.of("ip", "device_id"));
            throw new Refused("Transformation error: ip or device_id");
        }
        login.event.put("ip", masked);
        byte[] hash = sha256.digest(device.getBytes(StandardCharsets.UTF_8));
        login.event.put("device_id", HexFormat.of().formatHex(hash));
    }

    /** Null where there are none. */
    private static String withoutLastDigits(String ip) {
        int end = ip.length();
        while (end > 0 && !isDigit(ip.charAt(end - 1))) {
            end--;
        }
        int begin = end;
        while (begin > 0 && isDigit(ip.charAt(begin - 1))) {
            begin--;
        }
        return begin == end ? null : ip.substring(0, begin) + "xxx" + ip.substring(end);
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static ObjectNode wrapped(Login login, long now) {
        ObjectNode out = JsonNodeFactory.instance.objectNode();
        out.put("user_id", login.id);
        out.set("message_content", login.event);
        return out.put("timestamp", now / 1000);
    }

    private void measure(Login login, String topic, long now) {
        ObjectNode out = JsonNodeFactory.instance.objectNode();
        out.putArray("message_details").addObject()
            .put("message_id", login.id)
            .put("processing_time", BigDecimal.valueOf(now - login.sinceMs, 3))
            .put("topic", topic)
            .put("timestamp", BigDecimal.valueOf(now, 3));
        send(new Record<>(null, null, now), metrics, out);
    }

    private void send(Record<byte[], byte[]> record, String topic, ObjectNode value) {
        try {
            context.forward(record.withValue(new Out(topic, WRITER.writeValueAsBytes(value))));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Flow of control, so it carries no stack trace. */
    private static final class Refused extends Exception {
        Refused(String why) {
            super(why, null, false, false);
        }
    }
}

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A case of a client in Java, and what the clients have in common: `java CLIENT CASE...` prints one JSON object per case
 * and line. The JDK reads no JSON, so each case comes as its fields with U+001F between them.
 */
abstract class Play {
    static final long CASE_DEADLINE = 15;

    /** A case, its fields in the order in which they come. */
    record Case(String name, String url, String action, String type, String text, int times, int size, int chunk,
            String payload, String[] offered, String agreed, int count, int status, String reason) {
        static Case of(String line) {
            String[] f = line.split("\u001f", -1);
            String[] offered = f[9].isEmpty() ? new String[0] : f[9].split(",");
            return new Case(f[0], f[1], f[2], f[3], f[4], number(f[5]), number(f[6]), number(f[7]), f[8], offered,
                    f[10], number(f[11]), number(f[12]), f[13]);
        }

        static int number(String field) {
            return field.isEmpty() ? 0 : Integer.parseInt(field);
        }

        /** A String, or a byte[]. */
        Object content() {
            if (type.equals("text")) return text.repeat(times);
            byte[] bytes = new byte[size];
            for (int i = 0; i < size; i++) bytes[i] = (byte) (i % 251);
            return bytes;
        }
    }

    /** What came: "text ...", a byte[], "pong ..." or "close 1000 ...", errors too. */
    final BlockingQueue<Object> events = new LinkedBlockingQueue<>();

    /** Connects; what comes goes into the events. */
    abstract void open(String url, String[] offered) throws Exception;

    /** Sends a piece of a message, and waits until that is done. */
    abstract void sendText(String piece, boolean last) throws Exception;

    abstract void sendBinary(ByteBuffer piece, boolean last) throws Exception;

    abstract void ping(ByteBuffer payload) throws Exception;

    abstract void close(int status, String reason) throws Exception;

    /** What was agreed on, "" for none. */
    abstract String subprotocol();

    /** The names of what was agreed on. */
    abstract String extensions();

    void expect(Object wanted) throws Exception {
        same(wanted, events.poll(CASE_DEADLINE, TimeUnit.SECONDS));
    }

    static void same(Object wanted, Object got) throws Exception {
        boolean same = wanted instanceof byte[] data
                ? got instanceof byte[] other && Arrays.equals(data, other)
                : wanted.equals(got);
        if (!same) throw new Exception("Expected " + brief(wanted) + ", got " + brief(got));
    }

    static String brief(Object event) {
        if (event instanceof byte[] data) return data.length + " bytes";
        String shown = String.valueOf(event);
        return shown.length() > 80 ? shown.substring(0, 80) : shown;
    }

    /** Sends in fragments of so many characters, or bytes. */
    void send(Object content, int chunk) throws Exception {
        int length = content instanceof String text ? text.length() : ((byte[]) content).length;
        int at = 0;
        do {
            int end = Math.min(at + chunk, length);
            // A surrogate pair stays whole: the libraries encode each piece for itself.
            if (content instanceof String text && end < length && Character.isLowSurrogate(text.charAt(end))) end++;
            boolean last = end == length;
            if (content instanceof String text) sendText(text.substring(at, end), last);
            else sendBinary(ByteBuffer.wrap((byte[]) content, at, end - at), last);
            at = end;
        } while (at < length);
    }

    void run(Case one) throws Exception {
        open(one.action.equals("closed") ? one.url + "close" : one.url, one.offered);
        int status = 1000;
        String reason = "";
        switch (one.action) {
            case "echo", "fragments" -> {
                Object content = one.content();
                send(content, one.action.equals("echo") ? Integer.MAX_VALUE >> 1 : one.chunk);
                expect(content instanceof String text ? "text " + text : content);
            }
            case "ping" -> {
                ping(StandardCharsets.UTF_8.encode(one.payload));
                expect("pong " + one.payload);
            }
            case "subprotocol" -> same(one.agreed, subprotocol());
            case "extensions" -> same(one.agreed, extensions());
            case "many" -> {
                for (int n = 0; n < one.count; n++) send(String.valueOf(n), 10);
                for (int n = 0; n < one.count; n++) expect("text " + n);
            }
            case "close" -> {
                status = one.status;
                reason = one.reason;
            }
            case "closed" -> {
                // The library answers it by itself.
                expect("close " + one.status + " " + one.reason);
                return;
            }
            default -> throw new Exception("No such action: " + one.action);
        }
        close(status, reason);
        expect("close " + status + " " + reason);
    }

    /** Plays the cases, each with a client of its own. */
    static void all(Supplier<Play> client, String[] arguments) {
        for (String line : arguments) {
            Case one = Case.of(line);
            String detail = "";
            try {
                client.get().run(one);
            } catch (Exception error) {
                detail = String.valueOf(error).replaceAll("[\"\\\\\\p{Cntrl}]", " ");
            }
            System.out.printf("{\"case\":\"%s\",\"ok\":%b,\"detail\":\"%s\"}%n", one.name, detail.isEmpty(), detail);
        }
        System.exit(0);
    }
}

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The WebSocket of java.net.http as a client: `java HttpClientWebSocket.java URL CASE...` prints one JSON object per case
 * and line. The JDK reads no JSON, so each case comes as its fields with U+001F between them.
 */
public class HttpClientWebSocket implements WebSocket.Listener {
    static final long CASE_DEADLINE = 15;
    static final HttpClient http = HttpClient.newHttpClient();

    /** A case, its fields in the order in which they come. */
    record Case(String name, String action, String type, String text, int times, int size, int chunk,
            String payload, String[] offered, String agreed, int count, int status, String reason) {
        static Case of(String line) {
            String[] f = line.split("\u001f", -1);
            String[] offered = f[8].isEmpty() ? new String[0] : f[8].split(",");
            return new Case(f[0], f[1], f[2], f[3], number(f[4]), number(f[5]), number(f[6]), f[7], offered,
                    f[9], number(f[10]), number(f[11]), f[12]);
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
    final StringBuilder text = new StringBuilder();
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public CompletionStage<?> onText(WebSocket ws, CharSequence part, boolean last) {
        text.append(part);
        if (last) {
            events.add("text " + text);
            text.setLength(0);
        }
        ws.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket ws, ByteBuffer part, boolean last) {
        byte[] copy = new byte[part.remaining()];
        part.get(copy);
        bytes.writeBytes(copy);
        if (last) {
            events.add(bytes.toByteArray());
            bytes.reset();
        }
        ws.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onPong(WebSocket ws, ByteBuffer payload) {
        events.add("pong " + StandardCharsets.UTF_8.decode(payload));
        ws.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket ws, int status, String reason) {
        events.add("close " + status + " " + reason);
        return null;
    }

    @Override
    public void onError(WebSocket ws, Throwable error) {
        events.add("error " + error);
    }

    void expect(Object wanted) throws Exception {
        Object got = events.poll(CASE_DEADLINE, TimeUnit.SECONDS);
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

    /** Sends in fragments of so many characters, or bytes; each send has to be done before the next one. */
    static void send(WebSocket ws, Object content, int chunk) {
        int length = content instanceof String text ? text.length() : ((byte[]) content).length;
        int at = 0;
        do {
            int end = Math.min(at + chunk, length);
            // A surrogate pair stays whole: the library encodes each piece for itself.
            if (content instanceof String text && end < length && Character.isLowSurrogate(text.charAt(end))) end++;
            boolean last = end == length;
            if (content instanceof String text) ws.sendText(text.substring(at, end), last).join();
            else ws.sendBinary(ByteBuffer.wrap((byte[]) content, at, end - at), last).join();
            at = end;
        } while (at < length);
    }

    void run(String url, Case one) throws Exception {
        WebSocket.Builder builder = http.newWebSocketBuilder();
        if (one.offered.length > 0) {
            builder.subprotocols(one.offered[0], Arrays.copyOfRange(one.offered, 1, one.offered.length));
        }
        String target = one.action.equals("closed") ? url + "close" : url;
        WebSocket ws = builder.buildAsync(URI.create(target), this).get(CASE_DEADLINE, TimeUnit.SECONDS);
        int status = 1000;
        String reason = "";
        switch (one.action) {
            case "echo", "fragments" -> {
                Object content = one.content();
                send(ws, content, one.action.equals("echo") ? Integer.MAX_VALUE >> 1 : one.chunk);
                expect(content instanceof String text ? "text " + text : content);
            }
            case "ping" -> {
                ws.sendPing(StandardCharsets.UTF_8.encode(one.payload)).join();
                expect("pong " + one.payload);
            }
            case "subprotocol" -> {
                if (!ws.getSubprotocol().equals(one.agreed)) {
                    throw new Exception("Expected subprotocol " + one.agreed + ", got " + ws.getSubprotocol());
                }
            }
            case "many" -> {
                for (int n = 0; n < one.count; n++) send(ws, String.valueOf(n), 10);
                for (int n = 0; n < one.count; n++) expect("text " + n);
            }
            case "close" -> {
                status = one.status;
                reason = one.reason;
            }
            case "closed" -> {
                // It is answered when this listener has returned.
                expect("close " + one.status + " " + one.reason);
                return;
            }
            default -> throw new Exception("No such action: " + one.action);
        }
        ws.sendClose(status, reason).join();
        expect("close " + status + " " + reason);
    }

    public static void main(String[] arguments) {
        for (String line : Arrays.copyOfRange(arguments, 1, arguments.length)) {
            Case one = Case.of(line);
            String detail = "";
            try {
                new HttpClientWebSocket().run(arguments[0], one);
            } catch (Exception error) {
                detail = String.valueOf(error).replaceAll("[\"\\\\\\p{Cntrl}]", " ");
            }
            System.out.printf("{\"case\":\"%s\",\"ok\":%b,\"detail\":\"%s\"}%n", one.name, detail.isEmpty(), detail);
        }
        System.exit(0);
    }
}

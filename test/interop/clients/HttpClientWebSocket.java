import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** The WebSocket of java.net.http as a client. */
public class HttpClientWebSocket extends Play implements WebSocket.Listener {
    static final HttpClient http = HttpClient.newHttpClient();

    final StringBuilder text = new StringBuilder();
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    WebSocket ws;

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

    /** A close is answered when this has returned. */
    @Override
    public CompletionStage<?> onClose(WebSocket ws, int status, String reason) {
        events.add("close " + status + " " + reason);
        return null;
    }

    @Override
    public void onError(WebSocket ws, Throwable error) {
        events.add("error " + error);
    }

    @Override
    void open(String url, String[] offered) throws Exception {
        WebSocket.Builder builder = http.newWebSocketBuilder();
        if (offered.length > 0) {
            builder.subprotocols(offered[0], Arrays.copyOfRange(offered, 1, offered.length));
        }
        ws = builder.buildAsync(URI.create(url), this).get(CASE_DEADLINE, TimeUnit.SECONDS);
    }

    @Override
    void sendText(String piece, boolean last) {
        ws.sendText(piece, last).join();
    }

    @Override
    void sendBinary(ByteBuffer piece, boolean last) {
        ws.sendBinary(piece, last).join();
    }

    @Override
    void ping(ByteBuffer payload) {
        ws.sendPing(payload).join();
    }

    @Override
    void close(int status, String reason) {
        ws.sendClose(status, reason).join();
    }

    @Override
    String subprotocol() {
        return ws.getSubprotocol();
    }

    @Override
    String extensions() {
        throw new UnsupportedOperationException("java.net.http tells of none");
    }

    public static void main(String[] arguments) {
        all(HttpClientWebSocket::new, arguments);
    }
}

import jakarta.websocket.ClientEndpointConfig;
import jakarta.websocket.CloseReason;
import jakarta.websocket.ContainerProvider;
import jakarta.websocket.Endpoint;
import jakarta.websocket.EndpointConfig;
import jakarta.websocket.Extension;
import jakarta.websocket.MessageHandler;
import jakarta.websocket.PongMessage;
import jakarta.websocket.Session;
import jakarta.websocket.WebSocketContainer;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;

/** Tomcat's client of Jakarta WebSocket. */
public class TomcatClient extends Play {
    static final WebSocketContainer container = ContainerProvider.getWebSocketContainer();

    Session session;

    /** Puts what comes into the events. */
    class Listener extends Endpoint {
        @Override
        public void onOpen(Session session, EndpointConfig config) {
            session.addMessageHandler(String.class, text -> {
                events.add("text " + text);
            });
            session.addMessageHandler(byte[].class, bytes -> {
                events.add(bytes);
            });
            session.addMessageHandler(PongMessage.class, pong -> {
                events.add("pong " + StandardCharsets.UTF_8.decode(pong.getApplicationData()));
            });
        }

        @Override
        public void onClose(Session session, CloseReason closed) {
            events.add("close " + closed.getCloseCode().getCode() + " " + closed.getReasonPhrase());
        }

        @Override
        public void onError(Session session, Throwable error) {
            events.add("error " + error);
        }
    }

    @Override
    void open(String url, String[] offered) throws Exception {
        List<Extension> installed = List.copyOf(container.getInstalledExtensions());
        ClientEndpointConfig config = ClientEndpointConfig.Builder.create()
                .preferredSubprotocols(List.of(offered))
                .extensions(installed)
                .build();
        session = container.connectToServer(new Listener(), config, URI.create(url));
    }

    @Override
    void sendText(String piece, boolean last) throws Exception {
        session.getBasicRemote().sendText(piece, last);
    }

    @Override
    void sendBinary(ByteBuffer piece, boolean last) throws Exception {
        session.getBasicRemote().sendBinary(piece, last);
    }

    @Override
    void ping(ByteBuffer payload) throws Exception {
        session.getBasicRemote().sendPing(payload);
    }

    @Override
    void close(int status, String reason) throws Exception {
        session.close(new CloseReason(CloseReason.CloseCodes.getCloseCode(status), reason));
    }

    @Override
    String subprotocol() {
        return session.getNegotiatedSubprotocol();
    }

    @Override
    String extensions() {
        return session.getNegotiatedExtensions().stream().map(Extension::getName).collect(Collectors.joining(", "));
    }

    public static void main(String[] arguments) {
        Logger.getLogger("").setLevel(Level.SEVERE);
        container.setDefaultMaxTextMessageBufferSize(1 << 21);
        container.setDefaultMaxBinaryMessageBufferSize(1 << 24);
        all(TomcatClient::new, arguments);
    }
}

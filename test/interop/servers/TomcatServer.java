import jakarta.servlet.http.HttpServlet;
import jakarta.websocket.CloseReason;
import jakarta.websocket.Extension;
import jakarta.websocket.OnMessage;
import jakarta.websocket.OnOpen;
import jakarta.websocket.Session;
import jakarta.websocket.server.ServerEndpoint;
import jakarta.websocket.server.ServerEndpointConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

/** Tomcat as an echo server: see aiohttp_server.py. */
public class TomcatServer {
    static boolean compresses;

    /** Decides on extensions; on a subprotocol Tomcat decides as every server here. */
    public static class Choice extends ServerEndpointConfig.Configurator {
        @Override
        public List<Extension> getNegotiatedExtensions(List<Extension> installed, List<Extension> offered) {
            return compresses ? super.getNegotiatedExtensions(installed, offered) : List.of();
        }
    }

    @ServerEndpoint(value = "/", subprotocols = {"chat.v1", "chat.v2"}, configurator = Choice.class)
    public static class Echo {
        @OnMessage
        public void onText(Session session, String text) throws IOException {
            session.getBasicRemote().sendText(text);
        }

        @OnMessage
        public void onBinary(Session session, ByteBuffer bytes) throws IOException {
            session.getBasicRemote().sendBinary(bytes);
        }
    }

    @ServerEndpoint(value = "/close", configurator = Choice.class)
    public static class Close {
        @OnOpen
        public void onOpen(Session session) throws IOException {
            session.close(new CloseReason(CloseReason.CloseCodes.getCloseCode(4002), "as you wish"));
        }
    }

    public static void main(String[] arguments) throws Exception {
        compresses = Arrays.asList(arguments).contains("--compression");
        Logger.getLogger("").setLevel(Level.SEVERE);
        Tomcat tomcat = new Tomcat();
        // Beside this class, where the tests remove what they have built.
        tomcat.setBaseDir(TomcatServer.class.getProtectionDomain().getCodeSource().getLocation().getPath());
        tomcat.setHostname("127.0.0.1");
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        Context context = tomcat.addContext("", null);
        context.addParameter("org.apache.tomcat.websocket.textBufferSize", String.valueOf(1 << 21));
        context.addParameter("org.apache.tomcat.websocket.binaryBufferSize", String.valueOf(1 << 24));
        context.addServletContainerInitializer(new WsSci(), Set.of(Echo.class, Close.class));
        // Without one there is nothing that a request could come to.
        Tomcat.addServlet(context, "none", new HttpServlet() {});
        context.addServletMappingDecoded("/", "none");
        tomcat.start();
        System.out.println("listening on " + tomcat.getConnector().getLocalPort());
        tomcat.getServer().await();
    }
}

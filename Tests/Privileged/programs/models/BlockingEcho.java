import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** An echo server that blocks, with a thread for each connection. Prints its port, and serves. */
public class BlockingEcho {
    public static void main(String[] arguments) throws Exception {
        var listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        System.out.println(listener.getLocalPort());
        while (true) {
            Socket connection = listener.accept();
            new Thread(() -> echo(connection)).start();
        }
    }

    static void echo(Socket connection) {
        var buffer = new byte[4096];
        try (connection) {
            int length;
            while ((length = connection.getInputStream().read(buffer)) > 0)
                connection.getOutputStream().write(buffer, 0, length);
        } catch (java.io.IOException error) {
            error.printStackTrace();
        }
    }
}

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** An echo server on one thread, with a Selector (epoll, here). Prints its port, and serves. */
public class NioEcho {
    public static void main(String[] arguments) throws Exception {
        var selector = Selector.open();
        var listener = ServerSocketChannel.open();
        listener.bind(new InetSocketAddress("127.0.0.1", 0));
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        System.out.println(listener.socket().getLocalPort());
        var buffer = ByteBuffer.allocateDirect(4096);
        while (true) {
            selector.select();
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    SocketChannel connection = listener.accept();
                    connection.configureBlocking(false);
                    connection.register(selector, SelectionKey.OP_READ);
                    continue;
                }
                var connection = (SocketChannel) key.channel();
                buffer.clear();
                if (connection.read(buffer) < 0) {
                    connection.close();
                    continue;
                }
                buffer.flip();
                connection.write(buffer);
            }
            selector.selectedKeys().clear();
        }
    }
}

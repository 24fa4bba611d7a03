"""Asks an HTTP server on connections that are kept: `http_load.py PORT CONNECTIONS REQUESTS [PATH]`."""

import http.client
import sys
import time

port, connections, requests = map(int, sys.argv[1:4])
path = sys.argv[4] if len(sys.argv) > 4 else "/"
peers = [http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(connections)]
for _ in range(requests):
    for peer in peers:
        peer.request("GET", path)
        response = peer.getresponse()
        assert response.status == 200
        response.read()
for peer in peers:
    peer.close()
# So that the server sees the end within the trace.
time.sleep(0.1)

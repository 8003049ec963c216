"""Somebody between client and endpoint who loses answers: the endpoint has answered, and the client hears 502."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Headers that concern one connection.
OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Losing:
    """A proxy before an endpoint. It loses the answer of the first POST whose path ends as `loses` says."""

    def __init__(self, endpoint, loses, via=False):
        self.lost, self.passed = 0, []
        address = endpoint.split("//", 1)[1]
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_A_CONNECTION}
                if via:
                    headers = {name: value for name, value in headers.items() if name.lower() != "host"}
                    headers.update({"host": address, "via": "1.1 losing"})
                connection = http.client.HTTPConnection(address, timeout=60)
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                proxy.passed.append((self.command, self.path))
                status = answer.status
                if self.command == "POST" and self.path.rstrip("/").endswith(loses) and not proxy.lost:
                    proxy.lost += 1
                    status, content = 502, b"the answer was lost"
                self.send_response(status)
                self.send_header("content-type", answer.headers.get("content-type") or "text/plain")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

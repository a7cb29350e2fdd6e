# SPDX-License-Identifier: LGPL-2.1-or-later
"""workshop.py ADDRESS CERT KEY ROOT: what developers' tools fetch from, by HTTPS, at port 8444. Prints a line for each request.

/git/NAME.git  repositories under ROOT/git, by git's own http-backend
/simple/NAME/  an index for pip: the files of ROOT/www/simple/NAME
any other      the file under ROOT/www; that is all npm asks of a registry
"""

import html
import os
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = sys.argv[4]


class Workshop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, body, fields=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def git(self, path, query):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": ROOT + "/git", "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        said = subprocess.run(["git", "http-backend"], env=environment, input=body, stdout=subprocess.PIPE, check=True).stdout
        head, _, rest = said.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        kind = fields.pop("Content-Type", "text/plain")
        self.answer(int(fields.pop("Status", "200").split()[0]), kind, rest, fields.items())

    def file(self, path):
        file = os.path.normpath(ROOT + "/www/" + path)
        if not file.startswith(ROOT + "/www/") or not os.path.exists(file):
            self.answer(404, "text/plain", b"no such file\n")
        elif os.path.isdir(file):
            links = "".join(f'<a href="{html.escape(name)}">{html.escape(name)}</a>\n' for name in sorted(os.listdir(file)))
            self.answer(200, "text/html", links.encode())
        else:
            with open(file, "rb") as f:
                kind = "application/octet-stream" if "." in os.path.basename(file) else "application/json"
                self.answer(200, kind, f.read())

    def do_GET(self):
        print(self.command, self.path, "host", self.headers["Host"], flush=True)
        path, _, query = self.path.partition("?")
        if path.startswith("/git/"):
            self.git(path[4:], query)
        else:
            self.file(path)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


server = Server((sys.argv[1], 8444), Workshop)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("serving", flush=True)
server.serve_forever()

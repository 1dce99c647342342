"""A git and LFS server on loopback with TLS, for the tests of checkouts.

server.py ROOT CERTIFICATE JOURNAL [AUTHORIZATION [UPSTREAM]]

Serves the repositories below ROOT through `git http-backend`, and the LFS objects of each from its `lfs/objects`. Every request
is a line in JOURNAL: what the `Authorization` header was, the method, the path. With AUTHORIZATION, requests without exactly
that header are answered with 401. What begins with `/to/` is redirected to the address in the file `redirect` of ROOT. Prints
its port, and ends when its standard input does.

With UPSTREAM, the address of a stand-in for GitHub, this is GitHub over TLS: what begins with `/api/v3/` is passed on, and git is
let in with each token that UPSTREAM knows. The journal then shows which that was.
"""

import base64
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request

ROOT, CERTIFICATE, JOURNAL = (pathlib.Path(argument) for argument in sys.argv[1:4])
WANTED = sys.argv[4] if len(sys.argv) > 4 else None
UPSTREAM = sys.argv[5] if len(sys.argv) > 5 else None
HOPS = ("connection", "content-length", "date", "host", "server", "transfer-encoding")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask_upstream(method, path, headers, body=None):
    request = urllib.request.Request(UPSTREAM + path, data=body or None, headers=dict(headers), method=method)
    try:
        with DIRECT.open(request) as answer:
            return answer.status, answer.headers.items(), answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers.items(), refusal.read()


def is_known(token):
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "git"}
    return ask_upstream("GET", "/api/v3/installation/repositories", headers)[0] == 200


def password(authorization):
    kind, _, value = (authorization or "").partition(" ")
    return base64.b64decode(value).decode().partition(":")[2] if kind == "Basic" else ""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_one(self):
        body = self.body()
        given = self.headers.get("Authorization")
        if UPSTREAM:
            self.as_github(given, body)
            return
        with JOURNAL.open("a") as journal:
            journal.write(f"{given} {self.command} {self.path}\n")
        if self.path.startswith("/to/"):
            self.answer(308, b"", [("Location", (ROOT / "redirect").read_text() + self.path.removeprefix("/to"))])
            return
        if WANTED and given != WANTED:
            self.answer(401, b"", [("WWW-Authenticate", 'Basic realm="git"')])
            return
        repository, lfs, rest = self.path.partition("/info/lfs/")
        if lfs:
            self.lfs(repository, rest, body)
        else:
            self.git(body)

    do_GET = do_POST = do_PATCH = handle_one

    def as_github(self, given, body):
        if self.path.startswith("/api/v3/"):
            kept = [(name, value) for name, value in self.headers.items() if name.lower() not in HOPS]
            status, headers, answer = ask_upstream(self.command, self.path, kept, body)
            self.answer(status, answer, [(name, value) for name, value in headers if name.lower() not in HOPS])
            return
        token = password(given)
        allowed = bool(token) and is_known(token)
        with JOURNAL.open("a") as journal:
            journal.write(f"{token or None} {allowed} {self.command} {self.path}\n")
        if allowed:
            self.git(body)
        else:
            self.answer(401, b"", [("WWW-Authenticate", 'Basic realm="git"')])

    def lfs(self, repository, rest, body):
        store = ROOT / repository.lstrip("/") / "lfs/objects"
        if rest != "objects/batch":
            oid = rest.rsplit("/", 1)[-1]
            self.answer(200, (store / oid[:2] / oid[2:4] / oid).read_bytes())
            return
        objects = []
        for wanted in json.loads(body)["objects"]:
            oid = wanted["oid"]
            if (store / oid[:2] / oid[2:4] / oid).exists():
                href = f"https://{self.headers['Host']}{repository}/info/lfs/{oid}"
                objects.append({**wanted, "actions": {"download": {"href": href}}})
            else:
                objects.append({**wanted, "error": {"code": 404, "message": "Object does not exist"}})
        answer = json.dumps({"transfer": "basic", "objects": objects}).encode()
        self.answer(200, answer, [("Content-Type", "application/vnd.git-lfs+json")])

    def git(self, body):
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(ROOT),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        made = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, answer = made.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        status = int(headers.pop("Status", "200").split()[0])
        self.answer(status, answer, headers.items())


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()

"""Stand-ins for GitHub and GitLab: small servers with the hosts' limits, pages, and errors."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-host-0123456789"
MAX_CHARS = 65_536
ITEMS_A_PAGE = 100  # of which a stand-in gives less to whoever asks for less

Answer = tuple[int, Any]


class Host:
    """What a host holds: comments and issues, who wrote them, and how often people were notified.

    `faults` are answered instead, in this order: (status, headers, whether it was done all the
    same), one a request to write; None is an answer as always.
    """

    def __init__(self, author: str) -> None:
        self.author = author
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.remarks: list[str] = []
        self.minimised: list[int] = []
        self.notified = 0
        self.requests: list[str] = []
        self.faults: list[tuple[int, dict[str, str], bool] | None] = []
        self.most_chars = MAX_CHARS
        self.fault_message = "fault"
        self.headers: dict[str, str] = {}
        self.url = ""

    def others(self, count: int, body: str = "looks good") -> None:
        """Comments of other people."""
        for _ in range(count):
            self.add(self.comments, body, "somebody")

    def add(self, to: list[dict[str, Any]], body: str, author: str = "") -> dict[str, Any]:
        """A comment or an issue, as both hosts call its parts."""
        number = len(self.comments) + len(self.issues) + 1
        who = author or self.author
        item = {
            "id": number,
            "iid": number,
            "number": number,
            "node_id": f"IC_{number}",
            "body": body,
            "description": body,
            "state": "open",
            "html_url": f"{self.url}/o/r/{number}",
            "web_url": f"{self.url}/o/r/{number}",
            "user": {"login": who},
            "author": {"username": who},
        }
        to.append(item)
        self.notified += 1
        return item

    def bodies(self) -> list[str]:
        """What stands in the comments that are ours and not folded away."""
        return [
            item["body"]
            for item in self.comments
            if item["user"]["login"] == self.author and item["id"] not in self.minimised
        ]


def _page(host: Host, items: list[dict[str, Any]], query: dict[str, list[str]]) -> Answer:
    """A page, without what the token may not see; the headers say whether there is another."""
    size = min(int(query.get("per_page", ["30"])[0]), ITEMS_A_PAGE)
    page = int(query.get("page", ["1"])[0])
    more = len(items) > page * size
    host.headers = {
        "x-next-page": str(page + 1) if more else "",
        "link": f'<{host.url}/x?page={page + 1}>; rel="next"' if more else "",
    }
    if host.author == "bot":
        del host.headers["link"]
    else:
        del host.headers["x-next-page"]
    shown = items[(page - 1) * size : page * size]
    return 200, [item for item in shown if not item.get("hidden")]


def github(host: Host, method: str, path: str, query: Any, body: Any) -> Answer:
    """What GitHub answers."""
    text = body.get("body", "")
    if len(text.encode("utf-16-le")) // 2 > host.most_chars:
        message = f"Body is too long (maximum is {host.most_chars} characters)"
        return 422, {"message": "Validation Failed", "errors": [{"message": message}]}
    if path == "/user":
        return 403, {"message": "Resource not accessible by integration"}
    if path == "/graphql" and "viewer" in body["query"]:
        return 200, {"data": {"viewer": {"login": host.author}}}
    if path == "/graphql":
        host.minimised.append(int(body["variables"]["id"].removeprefix("IC_")))
        return 200, {"data": {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}}
    if path == "/repos/o/r/issues/7/comments":
        if method == "GET":
            return _page(host, host.comments, query)
        return 201, host.add(host.comments, text)
    if path == "/repos/o/r/commits/abc/pulls":
        return 200, [{"number": 7}]
    if path == "/repos/o/r/issues":
        if method == "GET":
            assert query["state"] == ["all"]
            return _page(host, host.issues[::-1], query)
        return 201, host.add(host.issues, text)
    found = re.fullmatch(r"/repos/o/r/issues/comments/(\d+)", path)
    if found and method == "PATCH":
        _item(host.comments, found[1])["body"] = text
        return 200, {}
    found = re.fullmatch(r"/repos/o/r/issues/(\d+)(/comments)?", path)
    if found and found[2]:
        host.remarks.append(text)
        return 201, host.add([], text)
    if found and method == "PATCH":
        _item(host.issues, found[1]).update(body=text, state=body["state"])
        return 200, {}
    return 404, {"message": "Not Found"}


def gitlab(host: Host, method: str, path: str, query: Any, body: Any) -> Answer:
    """What GitLab answers."""
    path = path.removeprefix("/api/v4")
    text = body.get("body", body.get("description", ""))
    if re.search(r"^/(merge|close|approve)", re.sub(r"(?ms)^```.*?^```", "", text), re.MULTILINE):
        return 400, {"message": "quick actions are not allowed here"}
    if path in {"/user", "/job"}:
        who = {"username": host.author}
        return 200, who if path == "/user" else {"user": who}
    notes = "/projects/5/merge_requests/7/notes"
    if path == notes:
        if method == "GET":
            return _page(host, host.comments, query)
        return 201, host.add(host.comments, text)
    if path == "/projects/5/repository/commits/abc/merge_requests":
        return 200, [{"iid": 7}]
    if path.startswith(f"{notes}/") and method == "PUT":
        _item(host.comments, path.rpartition("/")[2])["body"] = text
        return 200, {}
    if path == "/projects/5/issues":
        if method == "GET":
            return _page(host, host.issues[::-1], query)
        return 201, host.add(host.issues, text)
    found = re.fullmatch(r"/projects/5/issues/(\d+)(/notes)?", path)
    if found and found[2]:
        host.remarks.append(text)
        return 201, host.add([], text)
    if found and method == "PUT":
        state = {"close": "closed", "reopen": "open"}.get(body.get("state_event"))
        item = _item(host.issues, found[1])
        item.update(body=text, description=text, state=state or item["state"])
        return 200, {}
    return 404, {"message": "404 Not Found"}


def _item(items: list[dict[str, Any]], number: str) -> dict[str, Any]:
    return next(item for item in items if item["id"] == int(number))


@contextmanager
def serving(host: Host, answer: Callable[..., Answer]) -> Iterator[Host]:
    """The stand-in behind a socket."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            host.requests.append(f"{self.command} {url.path}")
            given = {self.headers.get(name, "") for name in ("authorization", "private-token")}
            given.add(self.headers.get("job-token", ""))
            if not given & {TOKEN, f"Bearer {TOKEN}"}:
                self._say(401, {}, {"message": f"Bad credentials {given}"})
                return
            writes = self.command != "GET" and "viewer" not in body.get("query", "")
            fault = host.faults.pop(0) if writes and host.faults else None
            if fault is not None:
                status, headers, done = fault
                if done:
                    answer(host, self.command, url.path, parse_qs(url.query), body)
                if status == 0:
                    self.close_connection = True
                    return
                self._say(status, headers, {"message": host.fault_message})
                return
            host.headers = {}
            status, value = answer(host, self.command, url.path, parse_qs(url.query), body)
            self._say(status, host.headers, value)

        do_POST = do_PATCH = do_PUT = do_GET

        def _say(self, status: int, headers: dict[str, str], value: Any) -> None:
            written = json.dumps(value).encode()
            self.send_response(status)
            for name, text in {**headers, "content-length": str(len(written))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A real HTTP server that speaks chat completions and does as its script says, failures included."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(text="fine", finish="stop", usage=(100, 20, 60), **message):
    """The body of a reply. `usage` is tokens in, out, cached."""
    body = {
        "id": "c1",
        "object": "chat.completion",
        "model": "m",
        "created": 1,
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
    }
    if usage:
        counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": usage[0] + usage[1]}
        body["usage"] = counted | {"prompt_tokens_details": {"cached_tokens": usage[2]}}
    return body


class Say:
    """One answer: a status with a JSON body or raw bytes. `cut` closes the connection after so many bytes of it;
    `wait_s` passes before it; `drip_s` passes between its bytes."""

    def __init__(self, body=None, status=200, headers=(), cut=None, wait_s=0.0, drip_s=0.0):
        body = completion() if body is None else body
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers, self.cut, self.wait_s, self.drip_s = status, dict(headers), cut, wait_s, drip_s


def error(status, message="no", headers=(), **more):
    return Say({"error": {"message": message, **more}}, status, headers)


class ScriptedServer:
    """Answers the first of `script` that is left, then `rule(request) -> Say`. Keeps what it was asked."""

    def __init__(self):
        self.script, self.requests, self.headers = [], [], []
        self.rule = lambda request: Say()
        self.in_flight = self.most_in_flight = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are sent apart

            def do_POST(self):
                owner.answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, handler):
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            self.requests.append(request)
            self.headers.append(handler.headers)
            self.in_flight += 1
            self.most_in_flight = max(self.in_flight, self.most_in_flight)
            say = self.script.pop(0) if self.script else self.rule(request)
        try:
            time.sleep(say.wait_s)
            self._send(handler, say)
        except OSError:
            pass  # the client went away
        finally:
            with self._lock:
                self.in_flight -= 1

    def _send(self, handler, say):
        handler.send_response(say.status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(say.body), **say.headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        body = say.body if say.cut is None else say.body[: say.cut]
        for part in [body[i : i + 1] for i in range(len(body))] if say.drip_s else [body]:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(say.drip_s)
        if say.cut is not None:
            handler.close_connection = True
            handler.connection.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

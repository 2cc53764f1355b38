"""A channel on this machine: answers with what a test sets, and notes what it was asked."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Channel:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drips: bool = False
    """Sends a byte now and then, without end."""
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        channel: Channel = self.server.channel
        channel.asked.append({name.lower(): value for name, value in self.headers.items()})
        tag = channel.headers.get("ETag")
        if tag and self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(channel.status)
        for name, value in channel.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.send(channel)

    def send(self, channel: Channel) -> None:
        try:
            self.wfile.write(channel.body)
            while channel.drips:
                self.wfile.write(b"x")
                time.sleep(0.02)
        except OSError:  # the reader has had enough
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Channel]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    channel = Channel(url=f"http://127.0.0.1:{server.server_address[1]}/home.ics")
    server.channel = channel
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield channel
    finally:
        channel.drips = False
        server.shutdown()
        server.server_close()


def event(first: date, nights: int = 1, *, summary: str = "Reserved", **more: str) -> str:
    """Return an event as channels write it."""
    end = first + timedelta(days=nights)
    lines = [
        "BEGIN:VEVENT",
        f"UID:{first:%Y%m%d}{nights}@channel",
        f"DTSTART;VALUE=DATE:{first:%Y%m%d}",
        f"DTEND;VALUE=DATE:{end:%Y%m%d}",
        f"SUMMARY:{summary}",
        *(f"{name}:{value}" for name, value in more.items()),
        "END:VEVENT",
    ]
    return "\r\n".join(lines)


def calendar(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Channel//EN", *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()

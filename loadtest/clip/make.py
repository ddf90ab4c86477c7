#!/usr/bin/env python3
"""Makes clip.ivf anew with a headless Chromium; needed only when make.html changes. See ../README.md, "The clip"."""
import http.server
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


class Shelf(http.server.SimpleHTTPRequestHandler):
    """Serves make.html and keeps what it sends back."""

    def __init__(self, *args):
        super().__init__(*args, directory=HERE)

    def do_PUT(self):
        (HERE / "clip.ivf").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.done = True


with http.server.HTTPServer(("127.0.0.1", 0), Shelf) as server, tempfile.TemporaryDirectory() as profile:
    server.done = False
    server.timeout = 60
    page = f"http://127.0.0.1:{server.server_port}/make.html"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    browser = subprocess.Popen([os.environ.get("CHROMIUM", "chromium"), *flags, page], stderr=subprocess.DEVNULL)
    while not server.done:
        server.handle_request()
    browser.terminate()
    browser.wait()

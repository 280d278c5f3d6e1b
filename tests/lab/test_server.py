"""The server: which pages it answers and how many, and how `fastnet lab` starts and stops."""

import asyncio
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

import fastnet.lab
from fastnet.lab.server import LabServer

from ..own_data import refused

pytest.importorskip("bokeh", reason="Bokeh is missing: pip install 'fastnet-mlp[lab]'")
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect


def served(action):
    """Run a coroutine function of a server in an event loop; return what it returns."""

    async def main():
        server = LabServer()
        try:
            return await action(server)
        finally:
            server.close()

    return asyncio.run(main())


async def page_of(server):
    return (await AsyncHTTPClient().fetch(server.url)).body.decode()


def test_the_page_loads_scripts_only_from_its_server():
    text = served(page_of)
    assert "fastnet lab" in text and 'name="viewport"' in text
    assert re.findall(r'(?:src|href)="(?!/|static)([^"]+)"', text) == []


def test_only_this_machine_can_reach_it():
    async def addresses(server):
        return [s.getsockname()[0] for s in server._server._http._sockets.values()]

    assert served(addresses) == ["127.0.0.1"]


async def connect(server, text, origin):
    """Connect as a browser that received this page from an origin."""
    token = re.search(r'"token":"([^"]+)"', text)[1]
    url = server.url.replace("http", "ws") + "ws"
    request = HTTPRequest(url, headers={"Origin": origin})
    return await websocket_connect(request, subprotocols=["bokeh", token])


def test_pages_of_other_origins_are_not_answered():
    async def codes(server):
        text, found = await page_of(server), []
        for origin in (server.url.rstrip("/"), "http://example.org", "http://127.0.0.1:1"):
            try:
                (await connect(server, text, origin)).close()
                found.append("open")
            except HTTPClientError as error:
                found.append(error.code)
        return found

    assert served(codes) == ["open", 403, 403]


def test_the_number_of_pages_is_limited_and_closed_or_unused_ones_are_freed(monkeypatch):
    for name, value in {"MOST_PAGES": 2, "_UNUSED": 1500, "_CHECK_UNUSED": 100}.items():
        monkeypatch.setattr(f"fastnet.lab.server.{name}", value)

    async def left(server, n):
        for _ in range(100):
            await asyncio.sleep(0.1)
            if len(server.pages) == n:
                break
        return len(server.pages)

    async def ask(server):
        tab = await connect(server, await page_of(server), server.url.rstrip("/"))
        opened = server.pages[0]
        for _ in range(2):
            await page_of(server)
        assert len(server.pages) == 2
        assert await left(server, 1) == 1 and server.pages == [opened]
        tab.close()
        while await tab.read_message() is not None:
            pass  # until the server has closed it too
        return await left(server, 0)

    assert served(ask) == 0


def test_show_is_an_iframe_of_the_same_page():
    async def show():
        shown = fastnet.lab.show(700)
        try:
            html = shown._repr_html_()
            assert f'<iframe src="{shown.url}"' in html and 'height="700"' in html
            assert repr(shown) == f"fastnet lab at {shown.url}"
            return (await AsyncHTTPClient().fetch(shown.url)).code
        finally:
            shown.close()

    assert asyncio.run(show()) == 200


def test_show_refuses_what_it_cannot_do():
    for height in (0, 1.5, "tall"):
        with pytest.raises((ValueError, TypeError)) as caught:
            fastnet.lab.show(height)
        assert "height is" in str(caught.value)
    with pytest.raises(RuntimeError) as caught:
        fastnet.lab.show()
    assert "fastnet lab" in str(caught.value)


def test_ctrl_c_closes_the_command():
    command = [sys.executable, "-P", "-u", "-W", "error", "-m", "fastnet", "lab", "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().split()[0]
            assert urllib.request.urlopen(url).status == 200
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60)[1] == "closed\n"
            assert process.returncode == 0
        finally:
            process.kill()


def test_a_port_that_is_taken_or_out_of_range_is_refused(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-P", "-m", "fastnet", "lab", "--no-browser", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and os.strerror(errno.EADDRINUSE) in done.stderr
        assert "Traceback" not in done.stderr
    refused(capsys, "lab", "--port", 70000, code=2)


def test_without_bokeh_the_command_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh.application", None)
    assert "pip install 'fastnet-mlp[lab]'" in refused(capsys, "lab", "--no-browser")

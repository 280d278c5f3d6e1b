"""The server of `fastnet lab`, on a port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from fastnet.common.arguments import as_count

__all__ = ["HOST", "MOST_PAGES", "LabServer", "serve", "show"]

HOST = "127.0.0.1"
#: The most pages that can be open at once.
MOST_PAGES = 6
#: A closed page is freed within the sum of these milliseconds. If they were shorter, a slow browser
#: could lose its page before it has connected.
_UNUSED, _CHECK_UNUSED = 8000, 1000
#: The longest message from a browser, in bytes.
_MOST_BYTES = 1 << 20
_TOO_MANY = (
    f"{MOST_PAGES} pages of fastnet lab are already open. Close one, wait ten seconds, and reload "
    "this page."
)


class LabServer:
    """A running server of the page, in the event loop of this thread.

    It listens only on 127.0.0.1, and answers a browser only if its page came from there.

    Parameters
    ----------
    port : int, default 0
        With 0 a free port is chosen.
    height : int, default 1000
        Height of the page in a notebook, in pixels.

    Attributes
    ----------
    url : str
    pages : list
        The pages that are open.

    Raises
    ------
    ImportError
        Bokeh is missing; the message says how to install it.
    OSError
        The port is taken.
    """

    def __init__(self, port: int = 0, height: int = 1000) -> None:
        port, self.height = as_count(port, "port", at_least=0, at_most=65535), height
        try:
            from bokeh.application import Application
            from bokeh.application.handlers import FunctionHandler
            from bokeh.server.server import BaseServer
            from bokeh.server.tornado import BokehTornado
            from bokeh.server.util import bind_sockets
            from tornado.httpserver import HTTPServer
            from tornado.ioloop import IOLoop
        except ImportError:
            raise ImportError(
                "fastnet lab needs bokeh; install it with `pip install 'fastnet-mlp[lab]'`."
            ) from None
        # They warn of every tab that is closed in mid-message.
        for name in ("tornado.access", "bokeh.server.views.ws"):
            logging.getLogger(name).setLevel(logging.ERROR)
        sockets, self.port = bind_sockets(HOST, port)
        self.url = f"http://{HOST}:{self.port}/"
        self.pages: list[Any] = []
        tornado = BokehTornado(
            {"/": Application(FunctionHandler(self._open))},
            extra_websocket_origins=[f"{HOST}:{self.port}", f"localhost:{self.port}"],
            unused_session_lifetime_milliseconds=_UNUSED,
            check_unused_sessions_milliseconds=_CHECK_UNUSED,
            websocket_max_message_size_bytes=_MOST_BYTES,
        )
        http = HTTPServer(tornado)
        http.add_sockets(sockets)
        self._server = BaseServer(IOLoop.current(), tornado, http)
        self._server.start()

    def _open(self, document: Any) -> None:
        """Fill the document of a new browser tab."""
        from fastnet.lab.page import Page, write_notice
        from fastnet.lab.training import forget_digits

        if len(self.pages) >= MOST_PAGES:
            write_notice(document, _TOO_MANY)
            return
        page = Page(document)
        self.pages.append(page)

        def close(_context: Any) -> None:
            page.close()
            self.pages.remove(page)
            if not self.pages:
                forget_digits()

        document.on_session_destroyed(close)

    def close(self) -> None:
        """Stop trainings, and stop listening."""
        for page in self.pages:
            page.close()
        self._server.unlisten()
        self._server.stop()

    def __repr__(self) -> str:
        return f"fastnet lab at {self.url}"

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{self.url}" width="100%" height="{self.height}" '
            'style="border: 0" title="fastnet lab"></iframe>'
        )


def serve(port: int, opened: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C; call `opened` with its address once it can be opened.

    Raises
    ------
    ImportError, OSError
        As for `LabServer`.
    """

    async def forever() -> None:
        server = LabServer(port)
        try:
            opened(server.url)
            await asyncio.Event().wait()
        finally:
            server.close()

    try:
        asyncio.run(forever())
    except KeyboardInterrupt:
        return


def show(height: int = 1000) -> LabServer:
    """Show the page of ``fastnet lab`` in a notebook that runs on this machine.

    Parameters
    ----------
    height : int, default 1000
        Height of the page, in pixels.

    Returns
    -------
    LabServer
        The running server. A notebook shows its page if it is the last value of a cell. ``url`` is
        its address, and ``close()`` stops it.

    Raises
    ------
    RuntimeError
        No event loop is running, as in a script; use ``fastnet lab`` there.
    ImportError
        Bokeh is missing; the message says how to install it.
    ValueError, TypeError
        The height is not an integer from 100 to 10,000.

    Examples
    --------
    >>> try:
    ...     show()
    ... except RuntimeError as error:
    ...     print(error)
    show is for notebooks; run `fastnet lab` to open the page in a browser.
    """
    height = as_count(height, "height", at_least=100, at_most=10_000)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "show is for notebooks; run `fastnet lab` to open the page in a browser."
        ) from None
    return LabServer(height=height)

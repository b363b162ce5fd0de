"""pybit, the exchange's own Python client, against the paper exchange."""

import asyncio
import concurrent.futures
import contextlib
import subprocess
import sys
import threading
import urllib.parse

from world import KEYS, REPOSITORY, World

# pybit notes what it asked for after it has sent it, and dies of an answer that comes before: it
# counts on the distance to the exchange, which a machine's own loopback does not have.
DISTANCE = 0.03


class Relay:
    """A server as if it were some way off: its answers arrive a little later."""

    def __init__(self, url):
        self.place = urllib.parse.urlsplit(url)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return f"http://127.0.0.1:{self.run(self.serve())}"

    def __exit__(self, *_):
        self.run(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def serve(self):
        server = await asyncio.start_server(self.relay, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    async def relay(self, reader, writer):
        back, forth = await asyncio.open_connection(self.place.hostname, self.place.port)
        await asyncio.gather(self.pump(reader, forth, 0), self.pump(back, writer, DISTANCE))

    async def pump(self, reader, writer, delay):
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(1 << 16):
                await asyncio.sleep(delay)
                writer.write(part)
                await writer.drain()
        writer.close()

    async def end(self):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def test_pybit_trades_at_the_paper_exchange(tmp_path):
    world = World(tmp_path)
    world.start_paper()
    try:
        with Relay(world.paper_url) as url:
            done = subprocess.run(
                [sys.executable, str(REPOSITORY / "Tests/Peers/pybit_paper.py"), url,
                 KEYS["BYBIT_API_KEY"], KEYS["BYBIT_API_SECRET"], KEYS["E2E_READ_KEY"],
                 KEYS["E2E_READ_SECRET"]], capture_output=True, text=True, timeout=90)
    finally:
        world.close()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "done" and "FAIL" not in done.stdout
    assert sum(line.startswith("ok ") for line in lines) >= 30, "every check was made"


CATEGORIES = ("linear", "inverse", "spot", "option")


def surface(url, category):
    """pybit's whole order surface in one category: what it printed, and how it ended."""
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "Tests/Peers/pybit_surface.py"), url,
         KEYS["BYBIT_API_KEY"], KEYS["BYBIT_API_SECRET"], category],
        capture_output=True, text=True, timeout=120)


def test_pybit_has_its_whole_surface_in_every_category(tmp_path):
    world = World(tmp_path)
    world.start_paper()
    try:
        with Relay(world.paper_url) as url, \
                concurrent.futures.ThreadPoolExecutor(len(CATEGORIES)) as pool:
            runs = {one: pool.submit(surface, url, one) for one in CATEGORIES}
            done = {one: run.result() for one, run in runs.items()}
    finally:
        world.close()
    for category, run in done.items():
        assert run.returncode == 0, f"{category}: {run.stdout[-2000:]}{run.stderr[-3000:]}"
        lines = run.stdout.splitlines()
        assert lines[-1] == "done" and "FAIL" not in run.stdout
        assert sum(line.startswith("ok ") for line in lines) >= 35, f"{category}: every check"

"""What the tests share. Whatever is missing makes a test fail with a sentence; nothing skips."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from world import World  # noqa: E402


@pytest.fixture
def world(tmp_path):
    """A world of its own for each test: half a second."""
    with World(tmp_path) as world:
        yield world


@pytest.fixture(params=["mcp1", "mcp2"])
def sdk_python(request):
    """A Python with each generation of the official SDK."""
    return mcp1_python() if request.param == "mcp1" else sys.executable


def mcp1_python():
    path = os.environ.get("COUNTERSIGN_MCP1_PYTHON")
    if not path:
        pytest.fail(
            "COUNTERSIGN_MCP1_PYTHON must name a Python with Tests/Peers/requirements-mcp1.txt")
    code = "import importlib.metadata as m; print(m.version('mcp'))"
    asked = subprocess.run([path, "-c", code], capture_output=True, text=True)
    if not asked.stdout.startswith("1."):
        pytest.fail(f"{path} must have mcp 1.x: {asked.stdout}{asked.stderr}")
    return path

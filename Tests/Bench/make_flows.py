"""Run by mitmproxy's own Python: make_flows.py FILE COUNT writes so many flows for it to list."""

import sys

from mitmproxy import io
from mitmproxy.test import tflow

with open(sys.argv[1], "wb") as file:
    writer = io.FlowWriter(file)
    for number in range(int(sys.argv[2])):
        flow = tflow.tflow(resp=True)
        flow.request.path = f"/change/{number}"
        writer.add(flow)

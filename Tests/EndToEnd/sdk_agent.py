#!/usr/bin/env python3
"""More scenarios for `Tests/Peers/peer_agents.py`; runs with the official SDKs 1.x and 2.x alike.

    sdk_agent.py URL TOKEN {cancel,twins} …
"""

import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Peers"))

import peer_agents  # noqa: E402
from peer_agents import IS_V1, demand, read, say  # noqa: E402


async def told():
    """Waits for a line of the test that runs this."""
    return await asyncio.to_thread(sys.stdin.readline)


async def cancel(agent, options):
    """Withdraws a held call as the SDK does it; the session lives on."""
    number = agent.session._request_id if IS_V1 else None
    call = asyncio.create_task(agent.call(options.held, options.held_arguments))
    await asyncio.sleep(0)
    say("called")
    await told()
    if IS_V1:
        # SDK 1.x has no method for it; its users send the notification themselves.
        from mcp import types
        await agent.session.send_notification(types.ClientNotification(
            types.CancelledNotification(params=types.CancelledNotificationParams(
                requestId=number, reason="changed my mind"))))
    call.cancel()
    outcome = (await asyncio.gather(call, return_exceptions=True))[0]
    demand(isinstance(outcome, BaseException), f"a cancelled call returned {outcome}")
    say("cancelled")
    await read(agent, options)


async def twins(agent, options):
    """Two identical calls in flight at once."""
    calls = [agent.call(options.held, options.held_arguments) for _ in range(2)]
    for result in await asyncio.gather(*calls):
        say("twin", **result)


peer_agents.SCENARIOS |= {"cancel": cancel, "twins": twins}

if __name__ == "__main__":
    try:
        asyncio.run(peer_agents.main())
    except BaseException as error:
        if (found := peer_agents.first_exit(error)) is None:
            raise
        print(found.code, file=sys.stderr)
        sys.exit(1)

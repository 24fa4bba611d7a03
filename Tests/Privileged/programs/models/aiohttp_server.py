"""A server of aiohttp. Prints its port, and serves."""

import asyncio

from aiohttp import web


async def answer(request):
    return web.Response(text="answer\n")


async def main():
    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

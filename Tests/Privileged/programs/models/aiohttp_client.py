"""A client of aiohttp that waits for a line, and then asks `aiohttp_client.py PORT REQUESTS` one after the other."""

import asyncio
import sys

import aiohttp


async def main(port, requests):
    async with aiohttp.ClientSession() as session:
        for _ in range(requests):
            async with session.get(f"http://127.0.0.1:{port}/") as response:
                assert response.status == 200
                await response.read()


print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

"""A server of the files in a folder that answers each request after a delay, in a process of its own.

    python bench/slow_server.py FOLDER MILLISECONDS

The first line of its output is its port. `/NUMBER.jpg` is file NUMBER of the folder, modulo their number: a
few files serve lists of any length.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

FILES: list[bytes] = []
_NUMBER = re.compile(rb"GET \S*?(\d+)\.jpg")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Answer the requests of one connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(delay)
            found = _NUMBER.match(head)
            body = FILES[int(found[1]) % len(FILES)] if found else b""
            status = b"200 OK" if found else b"404 Not Found"
            kind = b"Content-Type: image/jpeg\r\n"
            writer.write(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n" % (status, kind, len(body)) + body)
            await writer.drain()
            if b"connection: close" in head.lower():
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(folder: str, milliseconds: float) -> None:
    """Serve until the process is ended."""
    FILES.extend(path.read_bytes() for path in sorted(Path(folder).iterdir()))
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, milliseconds / 1000), "127.0.0.1", 0, backlog=1000
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))

"""`python -m tests.services.with_postgres COMMAND…`: run a command with IMAGELIB_DATABASE_URL of a new PostgreSQL.

The server has to be there before Django reads its settings, so no fixture of the command itself could start it. Ends
with the command's exit code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.services import guardian
from tests.services.postgres import PostgresServer


def main(command: list[str]) -> int:
    """Run the command beside a server of its own, which is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="imagelib-postgres-", dir="/var/tmp"))
    directory.chmod(0o711)  # PostgreSQL's user passes through
    guardian.watch_directory(directory)
    try:
        with closing(PostgresServer(directory)) as server:
            server.start()
            url = f"{server.url}?connect_timeout=60"  # a hundred threads that begin at once need longer than usual
            return subprocess.call(command, env=os.environ | {"IMAGELIB_DATABASE_URL": url})
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A tool that keeps an image open while other lines of a case run: for the locks."""

import os
import selectors
import subprocess

PATIENCE = 10  # seconds to wait for the first prompt


class Holder:
    """A qemu-io that waits for commands on standard input, having opened its image."""

    def __init__(self, tools, argv, cwd):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            argv,
            executable=os.path.join(tools.directory, argv[0]),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=tools.environment,
        )
        self._wait_for_prompt()

    def _wait_for_prompt(self):
        """Returns when the tool prompts, or has ended because it could not open."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            selector.select(PATIENCE)

    def release(self):
        """Lets the tool end; returns its exit code."""
        try:
            self.process.communicate(b"quit\n", timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        return self.process.returncode

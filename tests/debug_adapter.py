"""A client of debugpy, the debugger behind VS Code, over the Debug Adapter Protocol.

    with DebugAdapter("step.py", folder, justMyCode=True) as debugger:
        frame = debugger.run_to("step.py", 7)
        frame = debugger.press("stepIn")     # or "next"; None when the program has ended
        debugger.variables(frame), debugger.watch(frame, "operand.grad")

The protocol: https://microsoft.github.io/debug-adapter-protocol/specification
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Frame(NamedTuple):
    """The line that is to be run next; reference is 0 if its file exists."""

    id: int
    file: str
    line: int
    function: str
    reference: int = 0


class DebugAdapter:
    def __init__(self, program, folder, **settings):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "debugpy.adapter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        self.folder, self.sent, self.waiting, self.output = folder, 0, [], ""
        self.send("initialize", adapterID="debugpy", clientID="tests", pathFormat="path")
        self.launch = self.send(
            "launch",
            program=str(Path(folder) / program),
            cwd=str(folder),
            python=[sys.executable],
            console="internalConsole",
            showReturnValue=False,
            **settings,
        )
        self.event("initialized")
        self.is_started = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, command, **arguments):
        self.sent += 1
        message = {"seq": self.sent, "type": "request", "command": command, "arguments": arguments}
        text = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
        self.process.stdin.flush()
        return self.sent

    def receive(self):
        """The next message, which is an answer or an event."""
        header = self.process.stdout.readline()
        while (line := self.process.stdout.readline()).strip():
            header += line
        length = int(header.split(b"Content-Length:")[1].split()[0])
        message = json.loads(self.process.stdout.read(length))
        if message.get("event") == "output" and message["body"].get("category") == "stdout":
            self.output += message["body"]["output"]
        return message

    def event(self, *names):
        while True:
            held = [message for message in self.waiting if message.get("event") in names]
            if held:
                self.waiting.remove(held[0])
                return held[0]
            self.waiting.append(self.receive())

    def answer(self, sent):
        while True:
            message = self.receive()
            if message.get("request_seq") == sent:
                assert message["success"], message["message"]
                return message.get("body", {})
            self.waiting.append(message)

    def ask(self, command, **arguments):
        return self.answer(self.send(command, **arguments))

    def breakpoints(self, path, *breakpoints):
        """Sets the file's breakpoints, each { line, condition, logMessage } of the protocol."""
        body = self.ask("setBreakpoints", source={"path": str(path)}, breakpoints=breakpoints)
        return body["breakpoints"]

    def stopped(self):
        """The frame where the program has stopped, or None if it has ended."""
        stop = self.event("stopped", "terminated")
        if stop["event"] == "terminated":
            return None
        self.thread = stop["body"]["threadId"]
        return self.stack()[0]

    def stack(self):
        frames = self.ask("stackTrace", threadId=self.thread)["stackFrames"]
        sources = [(f["source"]["path"], f["source"].get("sourceReference", 0)) for f in frames]
        return [
            Frame(f["id"], path, f["line"], f["name"], reference)
            for f, (path, reference) in zip(frames, sources)
        ]

    def text(self, frame):
        """The frame's line, as an editor shows it."""
        if frame.reference:
            text = self.ask("source", sourceReference=frame.reference)["content"]
        else:
            text = Path(frame.file).read_text("utf-8")
        return text.splitlines()[frame.line - 1].strip()

    def run(self):
        """Starts the program, or goes on, to the next breakpoint."""
        if self.is_started:
            self.ask("continue", threadId=self.thread)
        else:
            self.is_started = True
            self.ask("configurationDone")
            self.answer(self.launch)
        return self.stopped()

    def press(self, command):
        """stepIn, next or stepOut, which editors call step into, over and out."""
        self.ask(command, threadId=self.thread)
        return self.stopped()

    def variables(self, frame):
        """The names and texts of the variables pane."""
        local = self.ask("scopes", frameId=frame.id)["scopes"][0]["variablesReference"]
        found = self.ask("variables", variablesReference=local)["variables"]
        return {each["name"]: each["value"] for each in found}

    def watch(self, frame, expression):
        body = self.ask("evaluate", expression=expression, frameId=frame.id, context="watch")
        return body["result"]

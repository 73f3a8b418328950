"""Every tool call of the tests goes both ways, the short one and FastMCP's: they must give the same bytes.

A gateway of a test that starts with `FOLDER` set records each tool call that it took the short way: the
message with its headers, what the tool was called with, what it returned, raised, or was cancelled by, and
the answer. `python -m tests.harness.both_ways` reads the records when the tests are over, sends each to a
gateway without the short way whose tools return the recorded results, and compares. So each call has its
effect once, and nothing of the comparison is in the way of the gateway of the test: no id, no byte and no
limit of its sessions. Calls that went FastMCP's way in the first place are counted by the reason.

Compared are status, headers and body of the answer to the POST, the events on the stream, which bytes the
client of a cancelled call gets, and what the tool was called with: name, arguments, client and toolsets.

Not covered: what stands in front of a session (tokens, hosts, the door), which is the same code on both ways;
the order of answers to calls that run at once; what a client sees while it does not read; calls of a gateway
that was killed before it answered, which are counted.
"""

FOLDER = "TOOLBRIDGE_TEST_BOTH_WAYS"
"""The environment variable with the folder of the records."""

"""Names the command that ended a Fabric task: Fabric leaves with its exit code and says nothing about it."""

import sys

# More of a command than this is in the log anyway.
LONGEST = 120


def apply(program_module):
    """Changes `invoke.program.Program`."""
    from invoke.exceptions import UnexpectedExit

    execute = program_module.Program.execute

    def execute_and_tell(self):
        try:
            return execute(self)
        except UnexpectedExit as error:
            sys.stdout.flush()
            sys.stderr.write(told(error.result) + "\n")
            raise

    program_module.Program.execute = execute_and_tell


def told(result):
    """The end of a command in one line."""
    connection = getattr(result, "connection", None)
    where = "{0.user}@{0.host}:{0.port}".format(connection) if connection else "this machine"
    command = " ".join(result.command.split())
    if len(command) > LONGEST:
        command = command[:LONGEST] + "..."
    return "exit code {0} on {1}: {2}".format(result.exited, where, command)

"""Loads Chima's rules for SSH into a Python program the moment it loads paramiko or Fabric, and never before.

Python runs a `sitecustomize` of its path before the program. This one only leaves a note which modules are waited for, so a
program that uses neither pays next to nothing. It is written for Python 2.7 as well, because Fabric 1 needs that.
"""

import os
import sys

# The module that is waited for, and the one beside this file whose `apply` gets it, right after it was loaded.
WAITED_FOR = {
    "paramiko.client": "chima_ssh",
    "fabric.runners": "chima_terminal",
    "invoke.program": "chima_failures",
    "invoke.loader": "chima_fabfile",
    "invoke.runners": "chima_dry_run",
    "fabric.task_utils": "chima_hosts",
    "fabric.transfer": "chima_dry_run",
}


class Finder(object):
    """Finds a module that is waited for as Python would, and lets its rules be applied to it."""

    def find_spec(self, name, path=None, target=None):
        """Python 3's question."""
        if name not in WAITED_FOR:
            return None
        rules = WAITED_FOR.pop(name)
        from importlib.util import find_spec

        spec = find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            __import__(rules).apply(module)

        spec.loader.exec_module = exec_module
        return spec

    def find_module(self, name, path=None):
        """Python 2's question."""
        if sys.version_info[0] > 2 or name not in WAITED_FOR:
            return None
        import imp

        self.found = imp.find_module(name.rpartition(".")[2], path)
        return self

    def load_module(self, name):
        """Python 2's other half."""
        import imp

        rules = WAITED_FOR.pop(name)
        module = imp.load_module(name, *self.found)
        __import__(rules).apply(module)
        return module


def run_the_one_behind():
    """Runs the `sitecustomize` that this one hides, if there is one: a distribution's or a virtual environment's."""
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in sys.path:
        path = os.path.join(folder, "sitecustomize.py")
        if os.path.abspath(folder or ".") != here and os.path.isfile(path):
            with open(path) as file:
                code = compile(file.read(), path, "exec")
            exec(code, {"__name__": "sitecustomize", "__file__": path})
            return


sys.meta_path.insert(0, Finder())
run_the_one_behind()

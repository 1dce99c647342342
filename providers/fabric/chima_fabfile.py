"""Finds the fabfile where it was named, and nowhere else.

Fabric 2 and 3 want a folder and a module apart, and look into every folder above that one as well: a commit without a fabfile
would run whatever lies above the checkouts. With this, `--search-root` may name the file itself, by any name.
"""

import os


def apply(loader_module):
    """Changes `invoke.loader.FilesystemLoader`."""
    from invoke.exceptions import CollectionNotFound

    loader = loader_module.FilesystemLoader
    begin, load = loader.__init__, loader.load

    def init(self, start=None, *args, **kwargs):
        self.chima_name = None
        if start and start.endswith(".py"):
            start, file = os.path.split(os.path.abspath(start))
            self.chima_name = file[: -len(".py")]
        begin(self, start, *args, **kwargs)

    def load_what_is_there(self, name=None):
        name = self.chima_name or name or self.config.tasks.collection_name
        path = os.path.join(self.start, name)
        if not os.path.isfile(path + ".py") and not os.path.isfile(os.path.join(path, "__init__.py")):
            raise CollectionNotFound(name=name, start=self.start)
        return load(self, name)

    loader.__init__, loader.load = init, load_what_is_there

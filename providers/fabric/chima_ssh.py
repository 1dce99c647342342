"""Holds every connection of paramiko to what `ssh:` of the app says, and names the host when one cannot be made.

Fabric accepts any host it does not know, and a fabfile may bring keys of its own. Where the app has its own `ssh:`, neither
is wanted: this is set for one run, by one configuration, and what the fabfile says about it does not count.
"""

import base64
import hashlib
import os
import sys

# `SSHClient.connect`'s parameters after the host, for callers that give them by position.
CONNECT = (
    "port username password pkey key_filename timeout allow_agent look_for_keys compress sock gss_auth gss_kex".split()
)


def apply(client_module):
    """Changes `paramiko.client.SSHClient`."""
    known_hosts = os.environ.get("CHIMA_KNOWN_HOSTS")
    key = os.environ.get("CHIMA_SSH_KEY")
    if known_hosts:
        require_known_hosts(client_module, known_hosts)
    if key:
        use_only(client_module, key)
    name_the_host(client_module)


def require_known_hosts(client_module, known_hosts):
    """Refuses hosts that the file does not hold, and hosts whose key is another than the file's."""
    from paramiko.ssh_exception import BadHostKeyException, SSHException

    # Fabric 1 sees by the words "not found in known_hosts", and by this very class, that no other password would help.
    client = client_module.SSHClient
    begin, connect, load = client.__init__, client.connect, client.load_system_host_keys

    class OnlyKnown(client_module.MissingHostKeyPolicy):
        """Says which host is missing and how it is added."""

        def missing_host_key(self, client, hostname, key):
            raise SSHException(
                "host `{0}` not found in known_hosts `{1}`: it shows {2}; if that is its key, add it: {3} >> {1}".format(
                    hostname, known_hosts, described(key), scan(hostname)
                )
            )

    def init(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        load(self, known_hosts)
        self._policy = OnlyKnown()

    def checked_connect(self, hostname, *args, **kwargs):
        kwargs.update(zip(CONNECT, args))
        # With it, paramiko does not look at the host's key at all.
        kwargs.pop("gss_kex", None)
        if list(self._system_host_keys.lookup(named(hostname, kwargs.get("port", 22))) or ()) == ["ssh-rsa"]:
            prefer_rsa(client_module, connect, kwargs)
        try:
            return connect(self, hostname, **kwargs)
        except BadHostKeyException as error:
            found, expected = error.key, error.expected_key
        raise SSHException(
            "host `{0}` has changed: it shows {1}, not found in known_hosts `{2}`, which has {3}".format(
                named(hostname, kwargs.get("port", 22)), described(found), known_hosts, described(expected)
            )
        )

    def ignored(self, *args, **kwargs):
        """A fabfile adds no trust to the app's file."""

    client.__init__ = init
    client.connect = checked_connect
    client.set_missing_host_key_policy = ignored
    client.load_system_host_keys = ignored
    client.load_host_keys = ignored


def use_only(client_module, key):
    """Signs in with this key and nothing else."""
    client = client_module.SSHClient
    connect = client.connect

    def connect_with_key(self, hostname, *args, **kwargs):
        kwargs.update(zip(CONNECT, args))
        strategy = kwargs.pop("auth_strategy", None)
        if strategy is not None:
            # Fabric leaves the name to the strategy then.
            kwargs.setdefault("username", getattr(strategy, "username", None))
        for name in ("password", "passphrase", "pkey", "gss_auth"):
            kwargs.pop(name, None)
        kwargs.update(key_filename=key, allow_agent=False, look_for_keys=False)
        return connect(self, hostname, **kwargs)

    client.connect = connect_with_key


def name_the_host(client_module):
    """Says in one line which host could not be reached, and why: paramiko's errors name it only sometimes."""
    client = client_module.SSHClient
    connect = client.connect

    def connect_or_tell(self, hostname, *args, **kwargs):
        kwargs.update(zip(CONNECT, args))
        try:
            return connect(self, hostname, **kwargs)
        except Exception as error:
            where = "{0}@{1}".format(kwargs.get("username"), named(hostname, kwargs.get("port", 22)))
            sys.stdout.flush()
            sys.stderr.write("cannot connect to `{0}`: {1}\n".format(where, str(error) or type(error).__name__))
            raise

    client.connect = connect_or_tell


def prefer_rsa(client_module, connect, kwargs):
    """Makes paramiko 2 ask for the one key that is known.

    It asks for `ssh-rsa` by the name that OpenSSH no longer answers to, then takes a key of another kind, which is not known.
    """
    if "disabled_algorithms" not in connect.__code__.co_varnames:
        return
    others = [kind for kind in client_module.Transport._preferred_keys if "rsa" not in kind]
    disabled = dict(kwargs.get("disabled_algorithms") or {})
    disabled["keys"] = list(disabled.get("keys", ())) + others
    kwargs["disabled_algorithms"] = disabled


def named(hostname, port):
    """A host as known_hosts writes it."""
    return hostname if port == 22 else "[{0}]:{1}".format(hostname, port)


def scan(hostname):
    """The command that prints the lines for known_hosts."""
    if hostname.startswith("["):
        host, _, port = hostname[1:].rpartition("]:")
        return "ssh-keyscan -p {0} {1}".format(port, host)
    return "ssh-keyscan {0}".format(hostname)


def described(key):
    """Kind and fingerprint, as `ssh-keygen -l` shows it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode("ascii").rstrip("=")
    return "{0} SHA256:{1}".format(key.get_name(), digest)

"""Passes what people say to Chima, and says in the room what becomes of it.

Variables: CHIMA_URL (such as http://127.0.0.1:8080), CHIMA_CHAT_TOKEN (`chat.token` of Chima), CHIMA_ERRBOT_SECRET
(`chat.callbacks.errbot.secret` of Chima).
"""

import base64
import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request

from errbot import BotPlugin, botcmd, webhook
from flask import abort, request


class Chima(BotPlugin):
    """Deploys with Chima."""

    def activate(self):
        self.url = os.environ["CHIMA_URL"]
        self.token = os.environ["CHIMA_CHAT_TOKEN"]
        self.secret = os.environ["CHIMA_ERRBOT_SECRET"].encode()
        # what was said already, so that a second try of the same news is not said twice
        self.heard = []
        super().activate()

    @botcmd
    def chima(self, message, args):
        """Whatever Chima understands: `!chima deploy APP[/REF] to ENVIRONMENT`, `!chima help`."""
        return self.ask(message, args)

    @botcmd
    def deploy(self, message, args):
        """Deploys: `!deploy APP[/REF] to ENVIRONMENT`."""
        return self.ask(message, "deploy " + args)

    def ask(self, message, text):
        place = message.frm.room if message.is_group else message.frm
        said = {"user": message.frm.nick or str(message.frm.person).lstrip("@"), "room": str(place), "text": text, "callback": "errbot"}
        if message.parent is not None:
            said["thread"] = str(message.parent.id)
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        asked = urllib.request.Request(self.url + "/chat", json.dumps(said).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return json.load(answer)["text"]
        except urllib.error.HTTPError as error:
            return json.load(error)["detail"]
        except OSError as error:
            return f"Chima cannot be asked now: {error}; say it again in a moment"

    @webhook("/chima", methods=["POST"], raw=True)
    def news(self, _):
        body = request.get_data()
        if not self.genuine(request.headers, body):
            abort(401)
        news = json.loads(body)
        if news["key"] not in self.heard:
            self.send(self.build_identifier(news["room"]), news["text"])
            self.heard = self.heard[-1000:] + [news["key"]]
        return ""

    def genuine(self, headers, body):
        """Standard Webhooks: `v1,` and the HMAC of `id.timestamp.body`, made within the last five minutes."""
        sent, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not at.isdigit() or abs(time.time() - int(at)) > 300:
            return False
        signed = b".".join([sent.encode(), at.encode(), body])
        good = "v1," + base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(one.encode(), good.encode()) for one in headers.get("webhook-signature", "").split(" "))

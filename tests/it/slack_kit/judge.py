"""What Slack's own libraries say of signatures, messages and requests: a question as JSON on stdin, the verdicts on stdout."""

import json
import logging
import re
import sys

from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.models.blocks import Block
from slack_sdk.signature import Clock, SignatureVerifier

logging.disable(logging.CRITICAL)
question = json.load(sys.stdin)
secret = question["secret"]


class Standing(Clock):
    def __init__(self, now):
        self.standing = now

    def now(self):
        return self.standing


def signature(case):
    verifier = SignatureVerifier(secret, Standing(case["now"]))
    return verifier.is_valid(case["body"], case["time"], case["signature"])


def message(one):
    blocks = Block.parse_all(one["blocks"])
    # this is what checks the limits
    return [block.to_dict()["type"] for block in blocks]


heard = []
app = App(
    signing_secret=secret,
    process_before_response=True,
    authorize=lambda **_: AuthorizeResult(
        enterprise_id=None, team_id="T0000001", bot_token="x", bot_id="B0BOT", bot_user_id="U0BOT"
    ),
)


@app.command("/chima")
def command(ack, command):
    ack()
    heard.append(["command", command["text"], command["user_id"], command["channel_id"]])


@app.event("app_mention")
def mention(event):
    heard.append(["mention", event["text"], event["user"], event["channel"]])


@app.action(re.compile("say-[0-9]+"))
def button(ack, action, body):
    ack()
    heard.append(["button", action["value"], body["user"]["id"], body["channel"]["id"]])


def request(one):
    heard.clear()
    headers = {name: [value] for name, value in one["headers"].items()}
    response = app.dispatch(BoltRequest(body=one["body"], headers=headers))
    return {"status": response.status, "heard": heard[0] if heard else None}


print(
    json.dumps(
        {
            "signatures": [signature(case) for case in question.get("signatures", [])],
            "messages": [message(one) for one in question.get("messages", [])],
            "requests": [request(one) for one in question.get("requests", [])],
        }
    )
)

// Description:
//   Passes what people say to Chima, and says in the room what becomes of it.
//
// Configuration:
//   CHIMA_URL              where Chima listens, such as http://127.0.0.1:8080
//   CHIMA_CHAT_TOKEN       `chat.token` of Chima
//   CHIMA_HUBOT_SECRET     `chat.callbacks.hubot.secret` of Chima
//   CHIMA_CALLBACK_PORT    the port in `chat.callbacks.hubot.url`, on this machine alone
//
// Commands:
//   hubot deploy APP[/REF] to ENVIRONMENT - deploys; `hubot help deploys` lists everything else that Chima understands

import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const { CHIMA_URL, CHIMA_CHAT_TOKEN, CHIMA_HUBOT_SECRET, CHIMA_CALLBACK_PORT } = process.env

async function ask (message) {
  const answer = await fetch(`${CHIMA_URL}/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CHIMA_CHAT_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...message, callback: 'hubot' }),
    signal: AbortSignal.timeout(30_000)
  })
  const said = await answer.json()
  return said.text ?? said.detail
}

// Standard Webhooks: `v1,` and the HMAC of `id.timestamp.body`, over the bytes as they came, made within the last five minutes.
function genuine (headers, body) {
  const at = headers['webhook-timestamp']
  if (!(Math.abs(Date.now() / 1000 - Number(at)) <= 300)) return false
  const hmac = createHmac('sha256', CHIMA_HUBOT_SECRET).update(`${headers['webhook-id']}.${at}.`).update(body)
  const good = Buffer.from(`v1,${hmac.digest('base64')}`)
  const shown = String(headers['webhook-signature']).split(' ').map(one => Buffer.from(one))
  return shown.some(one => one.length === good.length && timingSafeEqual(one, good))
}

async function read (request, limit = 65_536) {
  const chunks = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > limit) throw new Error('too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export default robot => {
  if (!CHIMA_HUBOT_SECRET || !CHIMA_CHAT_TOKEN) throw new Error('CHIMA_CHAT_TOKEN and CHIMA_HUBOT_SECRET must be set')

  robot.respond(/(.+)/, async response => {
    const { room, user, thread } = response.message
    try {
      const said = { user: user.name, room, text: response.match[1], thread: thread && String(thread) }
      await response.reply(await ask(said))
    } catch (error) {
      await response.reply(`Chima cannot be asked now: ${error.message}; say it again in a moment`)
    }
  })

  // what was said already, so that a second try of the same news is not said twice
  const heard = new Set()
  const server = createServer(async (request, response) => {
    try {
      const body = await read(request)
      if (!genuine(request.headers, body)) return response.writeHead(401).end()
      const { key, room, thread, user, text } = JSON.parse(body)
      if (!heard.has(key)) {
        // in the thread and to the person, where the adapter knows them
        await robot.send({ room, user: { name: user, room }, message: { thread_ts: thread } }, text)
        heard.add(key)
        if (heard.size > 1000) heard.delete(heard.values().next().value)
      }
      response.writeHead(204).end()
    } catch (error) {
      robot.logger.error(`cannot pass on what Chima says: ${error.message}`)
      response.writeHead(500).end()
    }
  })
  server.listen(Number(CHIMA_CALLBACK_PORT || 8081), '127.0.0.1')
}

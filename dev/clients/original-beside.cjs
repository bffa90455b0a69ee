// What the original services do while Ping runs beside them, with the client libraries that they use. Prints JSON.
//   node original-beside.cjs login REDIS_URL ADDRESS CODE    stores a code as login does: the status
//   node original-beside.cjs verify REDIS_URL ADDRESS CODE   compares and uses it as verify-otp does: the status
//   node original-beside.cjs mail AMQP_URL COUNT             declares send-otp, and takes so many messages: their texts
//   node original-beside.cjs hold AMQP_URL COUNT             the same, acknowledges none, and leaves: their texts
//   node original-beside.cjs publish AMQP_URL EVENT          declares send-otp, and publishes to it
const amqp = require("amqplib");
const redis = require("redis");

const QUEUE = "send-otp";

async function withRedis(url, work) {
  const client = await redis.createClient({ url }).connect();
  try {
    return await work(client);
  } catch {
    return 500;
  } finally {
    await client.close();
  }
}

// A refused declaration has the broker's code.
async function withChannel(url, work) {
  const connection = await amqp.connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on("error", () => {});
    try {
      await channel.assertQueue(QUEUE, { durable: true });
    } catch (error) {
      return { refused: error.code };
    }
    return await work(channel);
  } finally {
    await connection.close();
  }
}

function take(channel, count, each) {
  const texts = [];
  return new Promise((resolve, reject) => {
    const one = (message) => {
      texts.push(message.content.toString());
      each(message);
      if (texts.length === count) resolve(texts);
    };
    channel.consume(QUEUE, one).catch(reject);
    setTimeout(() => reject(new Error(`${texts.length} of ${count} messages`)), 20_000).unref();
  });
}

const actions = {
  login: (url, email, code) =>
    withRedis(url, async (client) => {
      if (await client.get(`otp:ratelimit:${email}`)) return 429;
      await client.set(`otp:${email}`, code, { EX: 300 });
      await client.set(`otp:ratelimit:${email}`, "true", { EX: 60 });
      return 200;
    }),
  verify: (url, email, code) =>
    withRedis(url, async (client) => {
      if (!email || !code) return 400;
      const stored = await client.get(`otp:${email}`);
      if (!stored || stored !== code) return 400;
      await client.del(`otp:${email}`);
      return 200;
    }),
  mail: (url, count) =>
    withChannel(url, (channel) => take(channel, Number(count), (message) => channel.ack(message))),
  hold: (url, count) => withChannel(url, (channel) => take(channel, Number(count), () => {})),
  publish: (url, event) =>
    withChannel(url, async (channel) => {
      channel.sendToQueue(QUEUE, Buffer.from(event), { persistent: true });
      await channel.waitForConfirms();
      return 1;
    }),
};

const [action, ...words] = process.argv.slice(2);
actions[action](...words).then(
  (result) => console.log(JSON.stringify(result)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);

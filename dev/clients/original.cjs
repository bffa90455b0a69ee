// Does one thing as the original services do it, with the client libraries that they use. Prints JSON.
//   node original.cjs sign-in MONGO_URI ADDRESS          finds the user, or creates it: the user
//   node original.cjs remove-users MONGO_URI             removes all users
//   node original.cjs rename MONGO_URI ID NAME           the user
//   node original.cjs publish AMQP_URL EVENT…            declares send-otp, and publishes each text to it
//   node original.cjs consume AMQP_URL COUNT             declares send-otp, and takes so many messages: their texts
//   node original.cjs store-code REDIS_URL ADDRESS CODE  a code and the pause until the next, as login stores them
const amqp = require("amqplib");
const mongoose = require("mongoose");
const redis = require("redis");

const QUEUE = "send-otp";

const schema = new mongoose.Schema(
  { name: { type: String, required: true }, email: { type: String, required: true, unique: true } },
  { timestamps: true },
);
const User = mongoose.model("User", schema);

// The database is always the same, whatever the URI names.
async function withUsers(uri, work) {
  await mongoose.connect(uri, { dbName: "user-service" });
  try {
    await User.init();
    return await work();
  } finally {
    await mongoose.disconnect();
  }
}

async function withChannel(url, work) {
  const connection = await amqp.connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(QUEUE, { durable: true });
    const result = await work(channel);
    // Its acknowledgements are lost where the connection is closed under it.
    await channel.close();
    return result;
  } finally {
    await connection.close();
  }
}

function consume(channel, count) {
  const texts = [];
  return new Promise((resolve, reject) => {
    const take = (message) => {
      texts.push(message.content.toString());
      channel.ack(message);
      if (texts.length === count) resolve(texts);
    };
    channel.consume(QUEUE, take).catch(reject);
    setTimeout(() => reject(new Error(`${texts.length} of ${count} messages`)), 20_000).unref();
  });
}

const actions = {
  "sign-in": (uri, email) =>
    withUsers(uri, async () => (await User.findOne({ email })) ?? (await User.create({ name: email.slice(0, 8), email }))),
  "remove-users": (uri) => withUsers(uri, () => User.deleteMany({})),
  rename: (uri, id, name) =>
    withUsers(uri, async () => {
      const user = await User.findById(id);
      user.name = name;
      return await user.save();
    }),
  publish: (url, ...events) =>
    withChannel(url, async (channel) => {
      for (const event of events) channel.sendToQueue(QUEUE, Buffer.from(event), { persistent: true });
      await channel.waitForConfirms();
      return events.length;
    }),
  consume: (url, count) => withChannel(url, (channel) => consume(channel, Number(count))),
  "store-code": async (url, email, code) => {
    const client = await redis.createClient({ url }).connect();
    await client.set(`otp:${email}`, code, { EX: 300 });
    await client.set(`otp:ratelimit:${email}`, "true", { EX: 60 });
    await client.close();
    return code;
  },
};

const [action, ...words] = process.argv.slice(2);
actions[action](...words).then(
  (result) => console.log(JSON.stringify(result)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);

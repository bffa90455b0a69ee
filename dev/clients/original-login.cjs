// The login of the original user-service, written from its documents and its answers with the libraries that it uses; its own
// source is not part of this repository. `make bench BENCH="--parts original"` compares user-service with it.
// PORT, MANAGEMENT_PORT, REDIS_URL and RABBITMQ_* are user-service's. NO_DELAY=true switches Nagle's algorithm off on the
// connection to the broker, which the library leaves on.
const { randomInt } = require("node:crypto");
const http = require("node:http");
const amqp = require("amqplib");
const express = require("express");
const redis = require("redis");

const QUEUE = "send-otp";
const { PORT, MANAGEMENT_PORT, REDIS_URL, NO_DELAY } = process.env;
const { RABBITMQ_HOST, RABBITMQ_PORT, RABBITMQ_USER, RABBITMQ_PASSWORD, RABBITMQ_VHOST } = process.env;

async function main() {
  const store = await redis.createClient({ url: REDIS_URL }).connect();
  const broker = { hostname: RABBITMQ_HOST, port: RABBITMQ_PORT, username: RABBITMQ_USER, password: RABBITMQ_PASSWORD, vhost: RABBITMQ_VHOST };
  const connection = await amqp.connect(broker, { noDelay: NO_DELAY === "true" });
  const channel = await connection.createChannel();

  const login = async (request, response) => {
    const { email } = request.body;
    if (await store.get(`otp:ratelimit:${email}`)) {
      response.status(429).json({ message: "Too many requests. Please wait before requesting new otp" });
      return;
    }
    const code = randomInt(100_000, 1_000_000);
    await store.set(`otp:${email}`, String(code), { EX: 300 });
    await store.set(`otp:ratelimit:${email}`, "true", { EX: 60 });
    const mail = { to: email, subject: "Your otp code", body: `Your OTP is ${code}. It is valid for 5 minutes` };
    // Each publish declares the queue first and waits for the answer. What is published is not confirmed.
    await channel.assertQueue(QUEUE, { durable: true });
    channel.sendToQueue(QUEUE, Buffer.from(JSON.stringify(mail)), { persistent: true });
    response.status(200).json({ message: "OTP sent to your mail" });
  };

  const application = express();
  application.use(express.json());
  application.post("/api/v1/login", login);
  application.listen(Number(PORT), "127.0.0.1", () => {
    // Whatever is asked here, the service is ready.
    http.createServer((_, response) => response.end()).listen(Number(MANAGEMENT_PORT), "127.0.0.1");
  });
  process.on("SIGTERM", () => process.exit(0));
}

main();

/** Work that fails is tried again after 0.1 and 0.5 s. What has failed three times is parked, for somebody to look at. */
import { connect, deaths, type IncomingMessage, Message, retries, retry } from '../src';

const connection = connect();
const channel = connection.channel();
const orders = channel.declareQueue('orders');
for (const amount of [30, -7]) orders.publish(Message.json({ amount }));

function ship(message: IncomingMessage): void {
  const { amount } = message.json;
  if (amount < 0) throw new RangeError(`nobody can ship ${amount}`);
  console.log(`shipped ${amount}`);
}

orders.subscribe(ship, {
  onError: retry({
    max: 2,
    delay: [100, 500], // or { minutes: 5 }; meanwhile it waits in a queue of the broker, orders.retry.<ms>
    onError: (error, message) => console.log(`attempt ${retries(message) + 1}: ${error}`),
  }),
});
connection.loop({ timeout: 3000 }); // a worker has no timeout: this one ends when nothing has come for 3 s

for (const message of channel.declareQueue('orders.parked').iterator({ timeout: 1000 })) {
  const { headers } = message.properties;
  console.log(`parked: ${message.text}, ${headers?.['x-retry-error']}`);
  const [last] = deaths(message); // RabbitMQ 4 has no more than one: what is published again begins anew
  console.log(`  it waited in ${last?.queue}, until it ${last?.reason}`);
  message.ack(); // or orders.publish(message.copy({ headers: {} })), then ack: all begins anew
}
connection.close();

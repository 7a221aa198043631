import { rabbitmqFolder } from './rabbitmq';

/** RabbitMQ itself, for the tests of what only it has or that compare with it; where there is none they are skipped. */
export const rabbitmqUrl = process.env.AMQP_SYNC_RABBITMQ_URL ?? '';

export const describeRabbitmq = rabbitmqUrl === '' ? describe.skip : describe;

/** For tests that start nodes of their own (`startRabbitmq`), to operate on them. */
export const describeNode = rabbitmqFolder() === undefined ? describe.skip : describe;

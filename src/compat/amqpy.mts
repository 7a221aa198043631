export * from './amqpy.js';

export * from './pika.js';

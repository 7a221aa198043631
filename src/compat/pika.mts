import cjs from './pika.js';

export * from './pika.js';
export default cjs.default;

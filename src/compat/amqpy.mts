import cjs from './amqpy.js';

export * from './amqpy.js';
export default cjs.default;

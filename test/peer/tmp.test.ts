import { connect } from '../../src';
test('time', () => {
  for (let i = 0; i < 5; i++) {
    const t = performance.now();
    try { connect('amqp://127.0.0.1:1', { connectTimeout: 1000 }); } catch (e) { console.log((e as Error).message, performance.now() - t); }
  }
});
